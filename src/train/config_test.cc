#include "train/config.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/test_file_system.h"
#include "train/config_keys.h"

namespace tutti {
namespace {

using Overrides = std::vector<std::string>;

Result<Config> parse(std::string_view text, const Overrides& overrides = {}) {
  return parse_config(text, "run.toml", overrides);
}

std::string message_of(std::string_view text, const Overrides& overrides = {}) {
  const Result<Config> config = parse(text, overrides);
  return config.ok() ? "no error" : config.message();
}

constexpr std::string_view kGpt2 = "[model]\npreset = \"gpt2-124m\"\n";

TEST(Config, TakesThePresetAndLetsOtherKeysOverrideItWhateverTheirOrder) {
  const Result<Config> config = parse("[model]\nlayers = 6\npreset = \"gpt2-124m\"\n");
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(config->model.layers, 6);
  EXPECT_EQ(config->model.embed, 768);
  EXPECT_EQ(config->model.vocab, 50257);
}

TEST(Config, FillsWhatFollowsFromOtherKeys) {
  const Result<Config> config = parse(
      "[model]\nlayers = 2\nembed = 64\nheads = 4\nmlp = 128\nvocab = 100\ncontext = 32\n"
      "[train]\nseq_len = 32\nmicro_batch = 2\nseed = 5\nsteps = 50\n"
      "[optim]\nwarmup_steps = 10\n[parallel]\ndp = 3\n[run]\ndir = \"runs/a\"\n");
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(config->model.kv_heads, 4);
  EXPECT_EQ(config->model.head_dim, 16);
  EXPECT_EQ(config->train.global_batch, 6);
  EXPECT_EQ(config->accumulation(), 1);
  EXPECT_EQ(config->data.seed, 5);
  EXPECT_EQ(config->optim.decay_steps, 40);
  EXPECT_EQ(config->run.name, "a");
}

TEST(Config, OverridesOnTheCommandLineWinAndTheLastOneMost) {
  const Result<Config> config =
      parse(kGpt2, {"train.steps=10", "train.steps=20", "optim.lr=1e-3", "run.name=first try",
                    "run.dir=\"runs/quoted\"", "optim.schedule=linear", "checkpoint.async=false"});
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(config->train.steps, 20);
  EXPECT_EQ(config->optim.lr, 1e-3);
  EXPECT_EQ(config->run.name, "first try");
  EXPECT_EQ(config->run.dir, "runs/quoted");
  EXPECT_EQ(config->optim.schedule, LrShape::kLinear);
  EXPECT_FALSE(config->checkpoint.async);
}

TEST(Config, ABareOverrideOfAStringStaysTextEvenWhenItLooksLikeANumber) {
  const Result<Config> config = parse(kGpt2, {"run.name=123", "data.train=true"});
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(config->run.name, "123");
  EXPECT_EQ(config->data.train, "true");
}

TEST(Config, ReadsAFileAndNamesItInErrors) {
  TestFileSystem fs;
  ASSERT_TRUE(write_file_atomic(fs, "run.toml",
                                "[model]\npreset = \"gpt2-tiny\"\n"
                                "[train]\nseq_len = 64\nsteps = oops\n")
                  .ok());
  const Result<Config> config = load_config(fs, "run.toml", {});
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.message().rfind("run.toml:5:", 0), 0u) << config.message();
  EXPECT_FALSE(load_config(fs, "missing.toml", {}).ok());
}

struct RefusedText {
  std::string_view text;
  std::string_view message;
};

TEST(Config, RefusesWhatIsUnknownOrOfTheWrongTypeAndSaysWhatToWrite) {
  constexpr RefusedText kRefusals[] = {
      {"[trian]\nsteps = 1\n", "run.toml:1:1: unknown section [trian]; did you mean \"train\"?"},
      {"[train]\nstep = 1\n", "unknown key train.step; did you mean \"train.steps\"?"},
      {"[optim]\nmomentum = 0.9\n", "unknown key optim.momentum; the keys of [optim] are lr,"},
      {"steps = 1\n", "steps stands outside a section; did you mean train.steps?"},
      {"train = 1\n", "train is a section: write [train]"},
      {"[train]\nsteps = \"ten\"\n", "train.steps: got the string \"ten\", expected an integer"},
      {"[train]\nsteps = 1e3\n", "got the number 1000, expected an integer; write 1000"},
      {"[optim]\nlr = \"3e-4\"\n",
       "run.toml:2:6: optim.lr: got the string \"3e-4\", expected a number; write it without "
       "quotes: lr = 3e-4"},
      {"[train]\nseq_len = \"2k\"\n", "write a plain number without 'k': the unit is tokens"},
      {"[train]\nsteps = [1]\n", "train.steps: got an array, expected an integer"},
      {"[train.steps]\nx = 1\n", "train.steps: got a table, expected an integer"},
      {"[train]\nsteps = 2020-01-01\n", "got a date or time, expected an integer"},
      {"[log]\ntensorboard = 1\n", "got the integer 1, expected a boolean"},
      {"[log]\ntensorboard = \"yes\"\n", "write true or false without quotes"},
      {"[run]\ndir = 7\n", "run.dir: got the integer 7, expected a string"},
      {"[train]\nsteps = 0\n", "train.steps: got the integer 0, expected 1 to 1000000000000 steps"},
      {"[optim]\nlr = 0\n", "optim.lr: got the integer 0, expected above 0 to 10"},
      {"[optim]\nbeta2 = 1.0\n", "expected 0 to below 1"},
      {"[optim]\nlr = nan\n", "optim.lr: got the number nan, expected above 0 to 10"},
      {"[optim]\nlr = inf\n", "optim.lr: got the number inf"},
      {"[optim]\nschedule = \"cosin\"\n",
       "expected cosine, linear, wsd or constant; did you mean \"cosine\"?"},
      {"[precision]\ncompute = \"bf16\"\n", "precision.compute: got the string \"bf16\""},
      {"[model]\npreset = \"gpt2-125m\"\n", "did you mean \"gpt2-124m\"?"},
      {"[train]\nsteps = 1\nsteps = 2\n", "run.toml:3:"},
      {"[train]\nsteps = 99999999999999999999\n", "run.toml:2:"},
      {"[train\n", "run.toml:1:"},
      {"[data]\nmixture = \"a\"\n",
       "data.mixture: got the string \"a\", expected a list of tables: [{path = "},
      {"[data]\nmixture = [\"a\"]\n", "data.mixture: got an array, expected a list of tables"},
      {"[[data.mixture]]\nweight = 1\n", "data.mixture[0]: path is not set"},
      {"[[data.mixture]]\npath = \"a\"\n[[data.mixture]]\npath = \"b\"\nweight = 0\n",
       "data.mixture[1].weight: got the integer 0, expected a number above 0"},
      {"[[data.mixture]]\npath = \"a\"\nwieght = 1\n",
       "data.mixture[0]: unknown key wieght; did you mean \"weight\"?"},
      {"[[data.mixture]]\npath = 3\n", "data.mixture[0].path: got the integer 3, expected a path"},
  };
  for (const RefusedText& refusal : kRefusals) {
    EXPECT_NE(message_of(refusal.text).find(refusal.message), std::string::npos)
        << refusal.text << "\ngave: " << message_of(refusal.text);
  }
}

TEST(Config, RefusesOverridesThatAreNotAssignments) {
  constexpr RefusedText kRefusals[] = {
      {"train.steps", "command line: 'train.steps' is not section.key=value"},
      {"=3", "is not section.key=value"},
      {"train.stesp=3", "command line: unknown key train.stesp; did you mean \"train.steps\"?"},
      {"train.seed=99999999999999999999",
       "command line: train.seed: got the string \"99999999999999999999\", expected an integer; no "
       "integer has more than 64 bits"},
      {"train.steps=many", "command line: train.steps: got the string \"many\""},
      {"train.steps=", "command line: train.steps: got the string \"\""},
      {"train.steps=1\n[optim]\nlr = 1", "train.steps: the value has a control character"},
      {"run.name=a\nb", "run.name: the value has a control character"},
      {"run.name=\xff\xfe", "run.name: the value is not UTF-8"},
  };
  for (const RefusedText& refusal : kRefusals) {
    const std::string message = message_of(kGpt2, {std::string(refusal.text)});
    EXPECT_NE(message.find(refusal.message), std::string::npos) << refusal.text << ": " << message;
  }
}

TEST(Config, AMixtureIsAListOfTablesInAFileAndOnTheCommandLine) {
  const Result<Config> file = parse(
      "[model]\npreset = \"gpt2-124m\"\n[[data.mixture]]\npath = \"web\"\nweight = 0.7\n"
      "[[data.mixture]]\npath = \"code\"\nweight = 3\n");
  const Result<Config> line = parse(
      kGpt2, {"data.mixture=[{path = \"web\", weight = 0.7}, {path = \"code\", weight = 3}]"});
  ASSERT_TRUE(file.ok()) << file.message();
  ASSERT_TRUE(line.ok()) << line.message();
  const std::vector<MixtureEntry> expected = {{"web", 0.7}, {"code", 3}};
  EXPECT_EQ(file->data.mixture, expected);
  EXPECT_EQ(line->data.sets(), expected);
  EXPECT_EQ(parse(kGpt2, {"data.train=a"})->data.sets(), (std::vector<MixtureEntry>{{"a", 1}}));
  EXPECT_NE(message_of(kGpt2, {"data.train=a", "data.mixture=[{path = \"b\"}]"})
                .find("data.train = \"a\" and data.mixture are both set"),
            std::string::npos);
}

TEST(Config, TheResolvedConfigReadsBackToTheSameConfig) {
  const Result<Config> config =
      parse("[model]\npreset = \"smollm2-135m\"\nrope_theta = 123456.789\n",
            {"optim.lr=0.00030000000000000003", "optim.min_lr=1e-300",
             "run.name=say \"hi\" \\ caf\xc3\xa9", "parallel.dp=2", "parallel.schedule=zb-h1",
             "optim.schedule=wsd", "data.packing=padded",
             "data.mixture=[{path = \"a \\\"b\\\"\", weight = 0.1}, {path = \"c\"}]"});
  ASSERT_TRUE(config.ok()) << config.message();
  const std::string text = format_config(*config);
  const Result<Config> again = parse(text);
  ASSERT_TRUE(again.ok()) << again.message() << "\n" << text;
  EXPECT_EQ(format_config(*again), text);
  for (const ConfigKey& key : config_keys()) {
    EXPECT_EQ(key_value(key, *again), key_value(key, *config)) << key.name;
  }
  EXPECT_EQ(again->optim.lr, 0.00030000000000000003);
  EXPECT_EQ(again->run.name, "say \"hi\" \\ caf\xc3\xa9");
}

}  // namespace
}  // namespace tutti
