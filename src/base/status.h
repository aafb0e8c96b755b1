// How failures travel.
//
// What a user or a machine can cause (bad input, a full disk, a missing file) is a `Status` or a
// `Result<T>`; what only a bug can cause is a TUTTI_CHECK, which stays on in release builds.
// A message names what failed, where, what was found and what was expected.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace tutti {

enum class ErrorKind {
  kInvalidArgument,  // the user's input: a flag, a config key, an impossible size
  kNotFound,         // a file, tensor or key that is not there
  kCorrupt,          // bytes that are not what their format says
  kIo,               // the operating system refused or failed
  kResource,         // memory, disk or another limit
  kInterrupted,      // a signal or a request to stop
  kUnavailable,      // another rank failed, or does not come
};

struct Error {
  ErrorKind kind;
  std::string message;
};

class [[nodiscard]] Status {
 public:
  Status() = default;  // success
  Status(Error error) : error_(std::make_unique<Error>(std::move(error))) {}
  Status(const Status& other)
      : error_(other.error_ ? std::make_unique<Error>(*other.error_) : nullptr) {}
  Status& operator=(const Status& other) { return *this = Status(other); }
  Status(Status&&) = default;
  Status& operator=(Status&&) = default;

  bool ok() const { return error_ == nullptr; }
  explicit operator bool() const { return ok(); }
  // Requires !ok().
  const Error& error() const { return *error_; }
  const std::string& message() const { return error_->message; }

 private:
  std::unique_ptr<Error> error_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}
  // Requires !status.ok().
  Result(const Status& status) : state_(status.error()) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Requires ok().
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  // Requires !ok().
  const Error& error() const { return std::get<1>(state_); }
  const std::string& message() const { return error().message; }
  Status status() const { return ok() ? Status() : Status(error()); }

 private:
  std::variant<T, Error> state_;
};

template <typename... Args>
Error error(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return Error{kind, fmt::format(format, std::forward<Args>(args)...)};
}
template <typename... Args>
Error invalid(fmt::format_string<Args...> format, Args&&... args) {
  return error(ErrorKind::kInvalidArgument, format, std::forward<Args>(args)...);
}
template <typename... Args>
Error not_found(fmt::format_string<Args...> format, Args&&... args) {
  return error(ErrorKind::kNotFound, format, std::forward<Args>(args)...);
}
template <typename... Args>
Error corrupt(fmt::format_string<Args...> format, Args&&... args) {
  return error(ErrorKind::kCorrupt, format, std::forward<Args>(args)...);
}
template <typename... Args>
Error io_error(fmt::format_string<Args...> format, Args&&... args) {
  return error(ErrorKind::kIo, format, std::forward<Args>(args)...);
}

// Prints file, line and the message to standard error and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& message);

}  // namespace tutti

#define TUTTI_CONCAT_INNER(a, b) a##b
#define TUTTI_CONCAT(a, b) TUTTI_CONCAT_INNER(a, b)

// TUTTI_CHECK(x > 0, "x = {}", x): for what only a bug can cause.
#define TUTTI_CHECK(condition, ...)                                                         \
  do {                                                                                      \
    if (!(condition)) [[unlikely]]                                                          \
      ::tutti::check_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__)); \
  } while (false)

// TUTTI_TRY(expression): returns from the enclosing function when the Status or Result failed.
#define TUTTI_TRY(expression)            \
  do {                                   \
    auto&& tutti_status = (expression);  \
    if (!tutti_status.ok()) [[unlikely]] \
      return tutti_status.error();       \
  } while (false)

// TUTTI_ASSIGN(auto file, fs.open_read(path)): the value of a Result, or return its error.
#define TUTTI_ASSIGN(target, expression) \
  TUTTI_ASSIGN_INNER(TUTTI_CONCAT(tutti_result_, __LINE__), target, expression)
#define TUTTI_ASSIGN_INNER(temporary, target, expression) \
  auto temporary = (expression);                          \
  if (!temporary.ok()) [[unlikely]]                       \
    return temporary.error();                             \
  target = std::move(temporary).value()
