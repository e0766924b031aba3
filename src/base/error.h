// Errors as values. Nothing below cli/ and server/ prints, exits or throws across a folder border:
// functions return Result<T> or Status, and the message is one line a user can act on.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace fairlead {

enum class ErrorCode {
  kInvalidArgument,    // the caller or the user asked for something that cannot be
  kInvalidData,        // a file or message does not hold what it must
  kNotFound,           // a file, model, tensor or name does not exist
  kUnsupported,        // valid, but not implemented by this program or backend
  kResourceExhausted,  // memory, pages or disk ran out
  kIo,                 // the operating system refused a read, write or map
  kInterrupted,        // the user stopped it
  kInternal,           // a broken invariant: a bug in Fairlead
};

struct Error {
  ErrorCode code;
  std::string message;  // "[component] object: expected X, got Y"
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// Builds the failed side of a Result: `return Fail(ErrorCode::kNotFound, "safetensors", "{}: ...",
// path)`.
template <typename... Args>
tl::unexpected<Error> Fail(ErrorCode code, std::string_view component,
                           fmt::format_string<Args...> format, Args&&... args) {
  std::string message = fmt::format("[{}] ", component);
  fmt::format_to(std::back_inserter(message), format, std::forward<Args>(args)...);
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

// `text` from a file, quoted for a message: control characters escaped so that it stays one line,
// and cut where it is absurdly long.
inline std::string Quoted(std::string_view text) {
  constexpr size_t kLongest = 200;
  if (text.size() <= kLongest) return fmt::format("{:?}", text);
  return fmt::format("{:?}...", text.substr(0, kLongest));
}

}  // namespace fairlead

#define FAIRLEAD_CONCAT_INNER(a, b) a##b
#define FAIRLEAD_CONCAT(a, b) FAIRLEAD_CONCAT_INNER(a, b)

// Returns the error of `expression` (a Status or Result) from the enclosing function, if any.
#define FAIRLEAD_RETURN_IF_ERROR(expression)                                        \
  do {                                                                              \
    if (auto fairlead_status = (expression); !fairlead_status)                      \
      return tl::unexpected<::fairlead::Error>(std::move(fairlead_status).error()); \
  } while (false)

// `ASSIGN_OR_RETURN(auto x, F())`: x takes the value, or the error is returned.
#define FAIRLEAD_ASSIGN_OR_RETURN_INNER(result, declaration, expression)            \
  auto result = (expression);                                                       \
  if (!result) return tl::unexpected<::fairlead::Error>(std::move(result).error()); \
  declaration = std::move(*result)
#define FAIRLEAD_ASSIGN_OR_RETURN(declaration, ...)                                         \
  FAIRLEAD_ASSIGN_OR_RETURN_INNER(FAIRLEAD_CONCAT(fairlead_result_, __LINE__), declaration, \
                                  __VA_ARGS__)
