// The last stage of a tokenizer, backward: tokens → text, by the steps that tokenizer.json calls a
// decoder. Immutable after building; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"

namespace tutti {

// How a sentencepiece model decodes.
struct SentencePieceDecoding {
  std::string mark;                      // of a space
  std::string unknown, unknown_surface;  // a piece, and what it stands for
  bool drop_first = false;               // a mark that the text begins with goes
  bool drop_leading = false;             // … so one of each piece, until there is text
};

class Decoder {
 public:
  struct ByteLevel {};  // a token's characters are bytes in GPT-2's spelling
  struct Replace {      // in each token
    std::string from;   // not empty
    std::string to;
  };
  struct ByteFallback {};  // <0x41> is a byte; a run of them that is not UTF-8 is U+FFFDs
  struct Strip {           // up to so many `content` at each end of each token
    std::string content;
    size_t start, stop;
  };
  struct Metaspace {  // marks are spaces; those of the first token go when `drop_first`
    std::string mark;
    bool drop_first;
  };
  struct Fuse {};        // what follows sees one token; of what follows only a Strip means anything
  struct JoinSpaced {};  // a space between tokens: what a tokenizer without a decoder does
  using Step = std::variant<ByteLevel, Replace, ByteFallback, Strip, Metaspace, Fuse, JoinSpaced>;

  Decoder() = default;
  explicit Decoder(SentencePieceDecoding decoding) : sentence_piece_(std::move(decoding)) {}
  // Refuses steps in an order that is not supported: behind Fuse only one Strip at the start.
  static Result<Decoder> create(std::vector<Step> steps);

  // What one token stands for.
  struct Piece {
    std::string text;        // what it adds to the text
    std::string first_text;  // … when it is the first token
    bool is_byte = false;    // one byte of a run that ByteFallback puts together
  };
  // `spelling` as the vocabulary has it. `added`: an added token, whose bytes are not spelled.
  Piece piece(std::string_view spelling, bool added) const;

  // Whether what follows `piece`, which is first, is first again.
  bool stays_first(const Piece& piece) const;
  // The text of a run of bytes that ByteFallback puts together.
  std::string text_of_bytes(std::string_view run) const;
  bool is_sentence_piece() const { return sentence_piece_.has_value(); }

  // What goes from the start of the whole text: up to `start` times `content`.
  const Strip& whole_strip() const { return whole_strip_; }

 private:
  Piece sentence_piece_of(std::string_view spelling) const;

  std::vector<Step> steps_;                              // of each token
  std::optional<SentencePieceDecoding> sentence_piece_;  // in place of steps
  Strip whole_strip_{"", 0, 0};
};

}  // namespace tutti
