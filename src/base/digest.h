// Content digests: XXH3, 128 bits. They find accidental damage, not tampering.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tutti {

struct Digest {
  uint64_t high = 0;
  uint64_t low = 0;

  // 32 lower-case hexadecimal digits, as `xxhsum -H2` prints them.
  std::string hex() const;
  friend bool operator==(const Digest&, const Digest&) = default;
};

Digest digest_of(std::string_view bytes);
Result<Digest> parse_digest(std::string_view hex);

// The digest of bytes that come in pieces; where they are cut makes no difference. Not thread-safe.
class Digester {
 public:
  Digester();
  ~Digester();
  Digester(Digester&&) noexcept;
  Digester& operator=(Digester&&) noexcept;

  void update(std::string_view bytes);
  // The digest of all bytes so far; more may follow.
  Digest digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tutti
