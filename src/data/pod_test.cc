#include "data/pod.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(PodInline, CodesBecomeTheirText) {
  EXPECT_EQ(pod_inline_text("B<bold> I<it> C<code> F<file> S<no break>"),
            "bold it code file no break");
  EXPECT_EQ(pod_inline_text("C<< a->b >> and C<<< x >> y >>>"), "a->b and x >> y");
  EXPECT_EQ(pod_inline_text("B<very I<much C<so>>>!"), "very much so!");
  EXPECT_EQ(pod_inline_text("aX<index>bZ<>c"), "abc");
  EXPECT_EQ(pod_inline_text("1 < 2 and a<b and 3 > 2"), "1 < 2 and a<b and 3 > 2");
}

TEST(PodInline, EntitiesBecomeCharacters) {
  EXPECT_EQ(pod_inline_text("E<lt>E<gt>E<verbar>E<sol>"), "<>|/");
  EXPECT_EQ(pod_inline_text("E<eacute> E<0xE9> E<233> E<0351>"), "é é é é");
  EXPECT_EQ(pod_inline_text("E<nonsense> E<0x110000> E<55296>"),
            "E<nonsense> E<0x110000> E<55296>");
}

TEST(PodInline, LinksBecomeTheirTextOrTarget) {
  EXPECT_EQ(pod_inline_text("L<the docs|https://perl.org/a|b>"), "the docs");
  EXPECT_EQ(pod_inline_text("L<B<bold> text|perlfunc>"), "bold text");
  EXPECT_EQ(pod_inline_text("L<https://perl.org/x>"), "https://perl.org/x");
  EXPECT_EQ(pod_inline_text("L<perlop>"), "perlop");
  EXPECT_EQ(pod_inline_text("L<perlop/\"Quote and C<q>\">"), "\"Quote and q\" in perlop");
  EXPECT_EQ(pod_inline_text("L</here>"), "\"here\"");
}

TEST(PodInline, UnclosedCodesEndWithTheParagraph) {
  EXPECT_EQ(pod_inline_text("B<open"), "open");
  EXPECT_EQ(pod_inline_text("C<< open > "), "open > ");
  EXPECT_EQ(pod_inline_text("E<"), "E<>");
}

TEST(Pod, ParagraphsHeadingsItemsAndVerbatimStay) {
  EXPECT_EQ(pod_to_text("=encoding utf8\n\n=head1 NAME\nX<x>\n\nperl - B<the>\nlanguage\n\n"
                        "  my $x = C<1>;\n\n=over 4\n\n=item *\n\nFirst\n\n=item two I<b>\n\n"
                        "=back\n\n=cut\n\ncode;\n\n=pod\n\nEnd.\n"),
            "NAME\n\nperl - the\nlanguage\n\n  my $x = C<1>;\n\n* First\n\ntwo b\n\nEnd.\n");
}

TEST(Pod, TextOutsideOfPodAndForOthersIsLeftOut) {
  EXPECT_EQ(pod_to_text("#!perl\n\n=head1 A\n\n=begin html\n\n<b>\n\n=head1 no\n\n=end html\n\n"
                        "=for html <i>\n\n=for text T\n\n=begin :list\n\nP\n\n=end :list\n"),
            "A\n\nT\n\nP\n");
}

TEST(Pod, LineEndsOfWindowsAreRead) {
  EXPECT_EQ(pod_to_text("=head1 A\r\n\r\nB\r\nC\r\n"), "A\n\nB\nC\n");
}

TEST(Pod, HostileInputTakesLinearTime) {
  const size_t n = 1 << 20;
  std::string nested, runs = "=pod\n\nC<< ";
  for (size_t i = 0; i < n; ++i) nested += "B<";
  EXPECT_FALSE(pod_inline_text(nested).empty());
  EXPECT_FALSE(pod_to_text(runs + std::string(n, '>')).empty());
  EXPECT_FALSE(pod_inline_text("C" + std::string(n, '<')).empty());
}

}  // namespace
}  // namespace tutti
