#include "data/pod.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace tutti {
namespace {

// What a command paragraph says: "=item * text" → item, "* text".
struct Command {
  std::string_view name;
  std::string_view argument;
};

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string_view first_word(std::string_view text) {
  return text.substr(0, std::min(text.find_first_of(" \t\r\n"), text.size()));
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::optional<Command> parse_command(std::string_view paragraph) {
  if (paragraph.size() < 2 || paragraph[0] != '=' || !is_letter(paragraph[1])) return std::nullopt;
  const std::string_view name = first_word(paragraph.substr(1));
  return Command{name, trim(paragraph.substr(1 + name.size()))};
}

// Cuts text into paragraphs: runs of lines that are not blank.
class Paragraphs {
 public:
  explicit Paragraphs(std::string_view text) : text_(text) {}

  // The next one, with its last newline left out; nothing at the end.
  std::optional<std::string_view> next() {
    std::string_view line;
    size_t begin = 0, end = 0;
    bool inside = false;
    while (at_ < text_.size()) {
      const size_t line_begin = at_;
      line = next_line();
      if (!trim(line).empty()) {
        if (!inside) begin = line_begin;
        inside = true;
        end = line_begin + line.size();
      } else if (inside) {
        break;
      }
    }
    if (!inside) return std::nullopt;
    return text_.substr(begin, end - begin);
  }

 private:
  std::string_view next_line() {
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view line = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  std::string_view text_;
  size_t at_ = 0;
};

class Converter {
 public:
  std::string convert(std::string_view pod) {
    Paragraphs paragraphs(pod);
    while (const auto paragraph = paragraphs.next()) add(*paragraph);
    flush_bullet();
    return std::move(out_);
  }

 private:
  void add(std::string_view paragraph) {
    const auto command = parse_command(paragraph);
    if (command) return run(*command);
    if (!in_pod_ || !blocks_.empty()) return;
    if (paragraph[0] == ' ' || paragraph[0] == '\t') {
      flush_bullet();
      emit(paragraph, true);
    } else {
      emit(pod_inline_text(paragraph), false);
    }
  }

  void run(const Command& command) {
    in_pod_ = command.name != "cut";
    if (command.name == "begin") {
      // Blocks for other formatters end with the =end of their name; ":name" and "text" hold POD.
      const std::string_view format = first_word(command.argument);
      if (!blocks_.empty() || !is_readable(format)) blocks_.push_back(format);
      return;
    }
    if (command.name == "end") {
      if (!blocks_.empty() && blocks_.back() == first_word(command.argument)) blocks_.pop_back();
      return;
    }
    if (!blocks_.empty()) return;
    if (command.name == "for") {
      const std::string_view format = first_word(command.argument);
      const std::string_view text = trim(command.argument.substr(format.size()));
      if (is_readable(format) && !text.empty()) emit(pod_inline_text(text), false);
    } else if (command.name.starts_with("head")) {
      flush_bullet();
      emit(pod_inline_text(command.argument), false);
    } else if (command.name == "item") {
      run_item(command.argument);
    } else if (command.name == "back") {
      flush_bullet();
    }
  }

  // "=item *" alone is the bullet of the paragraph that follows.
  void run_item(std::string_view argument) {
    flush_bullet();
    if (argument.empty() || argument == "*") {
      bullet_.assign(1, '*');
    } else {
      emit(pod_inline_text(argument), false);
    }
  }

  void flush_bullet() {
    if (bullet_.empty()) return;
    const std::string bullet = std::move(bullet_);
    bullet_.clear();
    emit(bullet, false);
  }

  void emit(std::string_view text, bool verbatim) {
    if (trim(text).empty()) return;
    if (!out_.empty()) out_ += '\n';
    if (!bullet_.empty()) out_ += std::exchange(bullet_, std::string()) + " ";
    for (const char c : verbatim ? text : trim(text)) {
      if (c != '\r') out_ += c;
    }
    out_ += '\n';
  }

  static bool is_readable(std::string_view format) {
    return format.starts_with(':') || format == "text";
  }

  std::string out_;
  std::string bullet_;
  bool in_pod_ = false;
  std::vector<std::string_view> blocks_;  // formats of the =begin blocks left out, outermost first
};

}  // namespace

std::string pod_to_text(std::string_view pod) { return Converter().convert(pod); }

}  // namespace tutti
