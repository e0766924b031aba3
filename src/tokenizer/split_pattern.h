// The regular expression that cuts text into the pieces that BPE works on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct pcre2_real_code_8;

namespace fairlead {

// A compiled pattern; safe to use from several threads at once.
class SplitPattern {
 public:
  // Compiles a pattern in Oniguruma's syntax (what tokenizer.json holds). Only constructs that mean
  // the same in Oniguruma and PCRE2 are accepted; `\s` and `\S` are translated. A pattern that can
  // match the empty string is refused. `object` names the source in errors.
  static Result<SplitPattern> Compile(std::string_view pattern, std::string_view object);

  // Calls `piece` for every match and for every stretch between matches, in order; the pieces
  // joined are `text`, which must be UTF-8. Fails when matching exceeds its step or memory limits.
  Status Split(std::string_view text, const std::function<void(std::string_view)>& piece) const;

 private:
  struct FreeCode {
    void operator()(pcre2_real_code_8* code) const;
  };
  explicit SplitPattern(std::unique_ptr<pcre2_real_code_8, FreeCode> code)
      : code_(std::move(code)) {}

  std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
};

}  // namespace fairlead
