#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenizer/split_pattern.h"

#include <pcre2.h>

#include <array>
#include <cctype>
#include <cstdint>

namespace fairlead {
namespace {

constexpr size_t kMaxPatternBytes = 16384;
constexpr size_t kJitStackStart = size_t{32} << 10;
constexpr size_t kJitStackLimit = size_t{16} << 20;
constexpr uint32_t kHeapLimitKib = uint32_t{256} << 10;
constexpr uint32_t kMatchLimit = 10'000'000;

template <auto Function>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    Function(pointer);
  }
};
using CompileContext = std::unique_ptr<pcre2_compile_context, Free<pcre2_compile_context_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Free<pcre2_jit_stack_free>>;

// Groups that Oniguruma and PCRE2 agree about. Others (recursion, conditions, callouts, verbs) are
// refused, which also keeps a hostile pattern small in what it can do.
constexpr std::array<std::string_view, 7> kGroups = {"(?:", "(?i:", "(?=", "(?!",
                                                     "(?>", "(?<=", "(?<!"};

bool IsKnownGroup(std::string_view rest) {
  if (rest.size() < 2) return false;
  if (rest[1] != '?') return rest[1] != '*';
  for (const std::string_view group : kGroups) {
    if (rest.starts_with(group)) return true;
  }
  return false;
}

// The PCRE2 form of the escape `\` + `letter`; empty for one that the two libraries may read
// differently. PCRE2's own \s counts U+180E as white space, which Unicode and Oniguruma do not.
std::string TranslateEscape(char letter) {
  switch (letter) {
    case 's':
      return "\\p{White_Space}";
    case 'S':
      return "\\P{White_Space}";
    case 'r':
    case 'n':
    case 't':
    case 'p':
    case 'P':
      return {'\\', letter};
    default:
      return std::isalnum(static_cast<unsigned char>(letter)) != 0 ? "" : std::string{'\\', letter};
  }
}

tl::unexpected<Error> PatternError(std::string_view object, size_t offset, std::string_view what) {
  return Fail(ErrorCode::kUnsupported, "tokenizer", "{}: split pattern: {} at byte {}", object,
              what, offset);
}

// Quantifiers that one library reads as possessive, lazy or literal and the other does not.
bool IsAmbiguousQuantifier(std::string_view rest) {
  return rest.starts_with("{,") || rest.starts_with("}+") || rest.starts_with("}?");
}

// What is wrong with an unescaped character of the pattern at the beginning of `rest`, or nullptr.
const char* FindDifference(std::string_view rest, bool in_class) {
  if (in_class) {
    const bool nested = rest[0] == '[' || rest.starts_with("&&");
    return nested ? "expected a class without nested classes" : nullptr;
  }
  if (rest[0] == '^' || rest[0] == '$') return "expected no anchors";
  if (rest[0] == '(' && !IsKnownGroup(rest)) return "expected a plain group or a look-around";
  if (rest.starts_with("[]") || rest.starts_with("[^]")) return "expected a class with members";
  if (IsAmbiguousQuantifier(rest)) return "expected a plain quantifier";
  return nullptr;
}

// Rewrites a pattern from Oniguruma's syntax to PCRE2's, refusing what differs between them.
Result<std::string> Translate(std::string_view pattern, std::string_view object) {
  std::string result;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      const std::string escape =
          i + 1 < pattern.size() ? TranslateEscape(pattern[i + 1]) : std::string();
      if (escape.empty()) {
        return PatternError(object, i, "expected one of the escapes \\s \\S \\r \\n \\t \\p \\P");
      }
      result += escape;
      ++i;
      continue;
    }
    const char* difference = FindDifference(pattern.substr(i), in_class);
    if (difference != nullptr) return PatternError(object, i, difference);
    result += c;
    if (c == ']') in_class = false;
    if (c != '[') continue;
    in_class = true;
    if (pattern.substr(i + 1).starts_with("^")) result += pattern[++i];
  }
  return result;
}

std::string Pcre2Message(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

// One pass over one text: the buffers a match needs, and how to match with less luck.
class Matcher {
 public:
  Matcher(const pcre2_code* code, std::string_view text)
      : code_(code),
        text_(text),
        context_(pcre2_match_context_create(nullptr)),
        data_(pcre2_match_data_create(1, nullptr)) {
    // Backtracking over a long run costs a few steps a byte, so the limit grows with the text.
    const uint64_t limit = kMatchLimit + uint64_t{16} * text.size();
    pcre2_set_match_limit(context_.get(), limit > UINT32_MAX ? UINT32_MAX : uint32_t(limit));
    pcre2_set_heap_limit(context_.get(), kHeapLimitKib);
  }

  // The result code of PCRE2 for the first match at or after `start`.
  int Match(size_t start) {
    int code = MatchOnce(start, 0);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT && stack_ == nullptr) {
      stack_.reset(pcre2_jit_stack_create(kJitStackStart, kJitStackLimit, nullptr));
      pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
      code = MatchOnce(start, 0);
    }
    // The interpreter keeps its state on the heap.
    if (code == PCRE2_ERROR_JIT_STACKLIMIT) code = MatchOnce(start, PCRE2_NO_JIT);
    return code;
  }

  size_t begin() const { return pcre2_get_ovector_pointer(data_.get())[0]; }
  size_t end() const { return pcre2_get_ovector_pointer(data_.get())[1]; }

 private:
  int MatchOnce(size_t start, uint32_t options) {
    return pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(), start,
                       options | PCRE2_NO_UTF_CHECK, data_.get(), context_.get());
  }

  const pcre2_code* code_;
  std::string_view text_;
  MatchContext context_;
  MatchData data_;
  JitStack stack_;
};

}  // namespace

void SplitPattern::FreeCode::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Result<SplitPattern> SplitPattern::Compile(std::string_view pattern, std::string_view object) {
  if (pattern.size() > kMaxPatternBytes) {
    return Fail(ErrorCode::kInvalidData, "tokenizer",
                "{}: split pattern: expected at most {} bytes, got {}", object, kMaxPatternBytes,
                pattern.size());
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string translated, Translate(pattern, object));
  const CompileContext context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  size_t offset = 0;
  std::unique_ptr<pcre2_real_code_8, FreeCode> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP, &error, &offset, context.get()));
  if (code == nullptr) {
    return Fail(ErrorCode::kInvalidData, "tokenizer", "{}: split pattern: {}", object,
                Pcre2Message(error));
  }
  uint32_t can_match_empty = 0;
  pcre2_pattern_info(code.get(), PCRE2_INFO_MATCHEMPTY, &can_match_empty);
  if (can_match_empty != 0) {
    return Fail(ErrorCode::kUnsupported, "tokenizer",
                "{}: split pattern: expected one that cannot match the empty string", object);
  }
  // A system that forbids writable code pages refuses this; matching then interprets.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return SplitPattern(std::move(code));
}

Status SplitPattern::Split(std::string_view text,
                           const std::function<void(std::string_view)>& piece) const {
  Matcher matcher(code_.get(), text);
  size_t position = 0;
  while (position < text.size()) {
    const int code = matcher.Match(position);
    if (code == PCRE2_ERROR_NOMATCH) break;
    if (code < 0) {
      return Fail(ErrorCode::kResourceExhausted, "tokenizer", "split pattern: {} at byte {}",
                  Pcre2Message(code), position);
    }
    if (matcher.begin() > position) {
      piece(text.substr(position, matcher.begin() - position));
    }
    piece(text.substr(matcher.begin(), matcher.end() - matcher.begin()));
    position = matcher.end();
  }
  if (position < text.size()) piece(text.substr(position));
  return {};
}

}  // namespace fairlead
