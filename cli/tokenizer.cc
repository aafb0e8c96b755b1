// tutti tokenizer: train a byte-level BPE; encode text and decode ids with a tokenizer.json or a
// sentencepiece model.
#include <fmt/ranges.h>

#include <charconv>

#include "base/format.h"
#include "base/log.h"
#include "base/utf8.h"
#include "command_line.h"
#include "corpus_flags.h"
#include "data/tokenizer.h"
#include "data/tokenizer_json.h"
#include "data/train_tokenizer.h"
#include "output.h"
#include "progress.h"
#include "verbs.h"

namespace tutti {
namespace {

struct LearnFlags {
  CorpusFlags corpus;
  BpeTrainerOptions bpe;
  std::string out = "tokenizer.json";
};

constexpr uint64_t kTextBytesMax = Tokenizer::kTextBytesMax;

struct EncodeFlags {
  std::string tokenizer = "tokenizer.json";
  std::string text, file;
  std::string invalid_utf8 = "error";
  EncodeOptions options;
};

struct DecodeFlags {
  std::string tokenizer = "tokenizer.json";
  std::vector<int32_t> ids;
  DecodeOptions options;
};

Result<std::vector<int32_t>> parse_ids(std::string_view text) {
  std::vector<int32_t> ids;
  constexpr std::string_view kBetween = " \t\r\n,[]";
  while (true) {
    const size_t begin = text.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return ids;
    const size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    int32_t id = 0;
    const auto read = std::from_chars(text.data() + begin, text.data() + end, id);
    if (read.ec != std::errc() || read.ptr != text.data() + end) {
      return invalid("'{}' is not a token id", text.substr(begin, end - begin));
    }
    ids.push_back(id);
    text.remove_prefix(end);
  }
}

Result<int> train(FileSystem& fs, const LearnFlags& flags, bool json) {
  TrainTokenizerOptions options;
  options.inputs = flags.corpus.inputs;
  TUTTI_ASSIGN(options.documents, flags.corpus.documents());
  options.bpe = flags.bpe;
  options.threads = flags.corpus.threads;
  Progress progress;
  TUTTI_ASSIGN(const TokenizerTraining training,
               train_tokenizer(fs, options, [&](const TrainTokenizerProgress& state) {
                 const bool bytes = std::string_view(state.phase) == "counting words";
                 progress.show(state.phase, state.done, state.total, bytes);
               }));
  TUTTI_ASSIGN(const std::string text, write_tokenizer_json(training.trained));
  TUTTI_TRY(write_file_atomic(fs, flags.out, text));
  const size_t tokens = training.trained.tokens.size();
  if (tokens < static_cast<size_t>(flags.bpe.vocab_size)) {
    log_warning("the corpus has pairs for {} tokens only; {} were asked for", tokens,
                flags.bpe.vocab_size);
  }
  if (json) {
    return print_json("tokenizer", {{"tokenizer", flags.out},
                                    {"vocab_size", tokens},
                                    {"merges", training.trained.merges.size()},
                                    {"files", training.files},
                                    {"documents", training.documents},
                                    {"text_bytes", training.text_bytes},
                                    {"different_words", training.different_words}});
  }
  return print_text("tokenizer",
                    fmt::format("{}: {} tokens from {} ({} files, {} documents, {} words)",
                                flags.out, tokens, human_bytes(training.text_bytes), training.files,
                                training.documents, training.different_words));
}

Result<int> encode(FileSystem& fs, const EncodeFlags& flags, bool given, bool json) {
  TUTTI_ASSIGN(const Tokenizer tokenizer, Tokenizer::load(fs, flags.tokenizer));
  std::string text = flags.text, name = "TEXT";
  if (!flags.file.empty()) {
    name = flags.file;
    TUTTI_ASSIGN(text, read_file(fs, flags.file, kTextBytesMax));
  } else if (!given) {
    name = "standard input";
    text = read_standard_input();
  }
  if (flags.invalid_utf8 == "replace") text = replace_invalid_utf8(text);
  Result<std::vector<int32_t>> encoded = tokenizer.encode(text, flags.options);
  if (!encoded.ok()) return Error{encoded.error().kind, name + ": " + encoded.message()};
  const std::vector<int32_t> ids = std::move(encoded).value();
  if (json) {
    return print_json("tokenizer", {{"tokens", ids.size()}, {"bytes", text.size()}, {"ids", ids}});
  }
  return print_text("tokenizer", fmt::format("{}", fmt::join(ids, " ")));
}

Result<int> decode(FileSystem& fs, const DecodeFlags& flags, bool json) {
  TUTTI_ASSIGN(const Tokenizer tokenizer, Tokenizer::load(fs, flags.tokenizer));
  std::vector<int32_t> ids = flags.ids;
  if (ids.empty()) {
    TUTTI_ASSIGN(ids, parse_ids(read_standard_input()));
  }
  TUTTI_ASSIGN(const std::string text, tokenizer.decode(ids, flags.options));
  if (json) {
    return print_json("tokenizer", {{"tokens", ids.size()}, {"text", text}});
  }
  return print_text("tokenizer", text);
}

}  // namespace

int run_tokenizer(int argc, char** argv) {
  CommandLine app("Train and use tokenizers (Hugging Face tokenizer.json, sentencepiece .model).",
                  "tutti tokenizer");
  app.footer("Example:\n  tutti tokenizer train books/ --vocab 8192 --out tokenizer.json");
  bool json = false;
  const auto add_json = [&](CommandLine* verb) {
    verb->add_flag("--json", json, "Print one JSON object");
  };

  LearnFlags training;
  CommandLine* train_app = app.add_subcommand("train", "Learn a byte-level BPE from a corpus");
  training.corpus.add_to(*train_app);
  train_app->add_option("--vocab", training.bpe.vocab_size, "Tokens, special ones included")
      ->capture_default_str();
  train_app
      ->add_option("--special", training.bpe.special_tokens, "Special tokens; the first is id 0")
      ->capture_default_str();
  train_app->add_option("--min-count", training.bpe.count_min, "Merge no pair seen less often")
      ->capture_default_str();
  train_app->add_option("--out", training.out, "File to write")->capture_default_str();
  add_json(train_app);
  train_app->footer(
      "Example:\n  tutti tokenizer train '/usr/share/perl/*/pod/*.pod' --vocab 8192 --out t.json");

  constexpr const char* kTokenizer = "A tokenizer.json or a sentencepiece .model";
  EncodeFlags encoding;
  CommandLine* encode_app = app.add_subcommand("encode", "Text → token ids");
  encode_app->add_option("--tokenizer", encoding.tokenizer, kTokenizer)->capture_default_str();
  CommandLineOption* text =
      encode_app->add_option("TEXT", encoding.text, "Standard input when missing");
  encode_app->add_option("--file", encoding.file, "Encode this file")->excludes(text);
  encode_app
      ->add_option("--invalid-utf8", encoding.invalid_utf8,
                   "Of bytes that are not UTF-8: error, or replace (by U+FFFD, as Python does)")
      ->one_of({"error", "replace"})
      ->capture_default_str();
  encode_app->add_flag("--add-special", encoding.options.add_special,
                       "Put the tokens around the text that the tokenizer's file asks for");
  add_json(encode_app);
  encode_app->footer("Example:\n  tutti tokenizer encode --tokenizer t.json 'Hello world'");

  DecodeFlags decoding;
  CommandLine* decode_app = app.add_subcommand("decode", "Token ids → text");
  decode_app->add_option("--tokenizer", decoding.tokenizer, kTokenizer)->capture_default_str();
  decode_app->add_option("ID", decoding.ids, "Standard input when missing");
  decode_app->add_flag("--skip-special", decoding.options.skip_special, "Leave control tokens out");
  add_json(decode_app);
  decode_app->footer("Example:\n  tutti tokenizer decode --tokenizer t.json 40 1203 17");

  if (const auto status = app.parse(argc, argv)) return *status;
  const auto fs = make_posix_file_system();
  const Result<int> exit = train_app->parsed()    ? train(*fs, training, json)
                           : encode_app->parsed() ? encode(*fs, encoding, text->count() > 0, json)
                                                  : decode(*fs, decoding, json);
  return exit.ok() ? *exit : print_error("tokenizer", exit.error());
}

}  // namespace tutti
