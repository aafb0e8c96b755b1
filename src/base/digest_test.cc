#include "base/digest.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

// The value that xxHash's documentation and `xxhsum -H2 /dev/null` give for no bytes.
TEST(Digest, MatchesPublishedValueForNoBytes) {
  EXPECT_EQ(digest_of("").hex(), "99aa06d3014798d86001c324468d497f");
}

TEST(Digest, PiecesGiveTheDigestOfTheWhole) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += static_cast<char>(i * 131 >> 3);
  for (const size_t piece : {1u, 7u, 256u, 1024u, 4999u}) {
    Digester digester;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      digester.update(std::string_view(bytes).substr(at, piece));
    }
    EXPECT_EQ(digester.digest(), digest_of(bytes)) << "pieces of " << piece;
  }
}

TEST(Digest, OneFlippedBitChangesIt) {
  std::string bytes(300, 'x');
  const Digest before = digest_of(bytes);
  bytes[123] ^= 1;
  EXPECT_FALSE(digest_of(bytes) == before);
}

TEST(Digest, HexRoundTripsAndRefusesGarbage) {
  const Digest digest = digest_of("tutti");
  const Result<Digest> parsed = parse_digest(digest.hex());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, digest);
  for (const std::string_view bad :
       {"", "12", "99aa06d3014798d86001c324468d497g", "-9aa06d3014798d86001c324468d497f",
        "99aa06d3014798d86001c324468d497f0"}) {
    EXPECT_FALSE(parse_digest(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace tutti
