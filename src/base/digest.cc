#include "base/digest.h"

#define XXH_STATIC_LINKING_ONLY  // the size of XXH3_state_t, to hold it by value
#include <xxhash.h>

#include <charconv>

namespace tutti {
namespace {

Digest from_xxh(XXH128_hash_t hash) { return {hash.high64, hash.low64}; }

bool parse_word(std::string_view hex, uint64_t& word) {
  const auto [end, code] = std::from_chars(hex.data(), hex.data() + hex.size(), word, 16);
  return code == std::errc() && end == hex.data() + hex.size();
}

}  // namespace

struct Digester::State {
  XXH3_state_t xxh;
};

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Digest digest_of(std::string_view bytes) {
  return from_xxh(XXH3_128bits(bytes.data(), bytes.size()));
}

Result<Digest> parse_digest(std::string_view hex) {
  Digest digest;
  if (hex.size() != 32 || !parse_word(hex.substr(0, 16), digest.high) ||
      !parse_word(hex.substr(16), digest.low)) {
    return corrupt("digest \"{}\": expected 32 hexadecimal digits", hex.substr(0, 64));
  }
  return digest;
}

Digester::Digester() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
Digester::~Digester() = default;
Digester::Digester(Digester&&) noexcept = default;
Digester& Digester::operator=(Digester&&) noexcept = default;

void Digester::update(std::string_view bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

Digest Digester::digest() const { return from_xxh(XXH3_128bits_digest(&state_->xxh)); }

}  // namespace tutti
