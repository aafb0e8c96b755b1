// config.json and model.safetensors.index.json: any bytes, and bytes in the place of a value of a
// good config. A config that is accepted must be written and read back as the same model.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/hugging_face_index.h"
#include "models/hugging_face_config.h"
#include "models/hugging_face_layout.h"

namespace tutti {
namespace {

void check_config(std::string_view text) {
  const auto model = parse_hugging_face_config(text, "fuzz");
  if (!model.ok()) return;
  const auto written = format_hugging_face_config(model.value(), {});
  TUTTI_CHECK(written.ok(), "{}", written.message());
  const auto again = parse_hugging_face_config(written.value(), "written");
  TUTTI_CHECK(again.ok(), "{}", again.message());
  TUTTI_CHECK(again.value() == model.value(), "another model was read back: {}", written.value());
  if (model.value().layers <= 64) {
    TUTTI_CHECK(!hugging_face_layout(model.value()).parts.empty());
  }
}

void check_index(std::string_view text) {
  const auto index = parse_hugging_face_index(text, "fuzz");
  if (!index.ok()) return;
  const auto written = format_hugging_face_index(index.value(), 0, 0);
  TUTTI_CHECK(written.ok(), "{}", written.message());
  const auto again = parse_hugging_face_index(written.value(), "written");
  TUTTI_CHECK(again.ok(), "{}", again.message());
  TUTTI_CHECK(again.value().file_of == index.value().file_of, "another index was read back");
}

// Text that a fuzzer would not find soon; a mutation goes behind it.
constexpr std::string_view kBeginnings[] = {
    R"({"model_type":"llama","hidden_size":64,"intermediate_size":96,"num_hidden_layers":2,)"
    R"("num_attention_heads":4,"vocab_size":100,"max_position_embeddings":64,)",
    R"({"model_type":"qwen3","hidden_size":64,"intermediate_size":96,"num_hidden_layers":2,)"
    R"("num_attention_heads":4,"num_key_value_heads":2,"vocab_size":100,)"
    R"("max_position_embeddings":64,"use_sliding_window":true,)",
    R"({"model_type":"mistral","hidden_size":64,"intermediate_size":96,"num_hidden_layers":2,)"
    R"("num_attention_heads":8,"vocab_size":100,"max_position_embeddings":64,)"
    R"("rope_parameters":{"rope_type":)",
    R"({"model_type":"gpt2","n_embd":8,"n_layer":1,"n_head":2,"vocab_size":9,"n_positions":4,)",
};

}  // namespace
}  // namespace tutti

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  tutti::check_config(text);
  for (const std::string_view beginning : tutti::kBeginnings) {
    tutti::check_config(std::string(beginning) + text);
    tutti::check_config(std::string(beginning) + "\"head_dim\":16," + text + "}");
  }
  tutti::check_index(text);
  tutti::check_index("{\"weight_map\":{" + text);
  tutti::check_index("{\"weight_map\":{\"w\":\"" + text + ".safetensors\"}}");
  return 0;
}
