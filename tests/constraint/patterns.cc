#define PCRE2_CODE_UNIT_WIDTH 8
#include "tests/constraint/patterns.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <array>
#include <stdexcept>

namespace fairlead::testing {
namespace {

template <typename Choices>
std::string_view Pick(Random& random, const Choices& choices) {
  return choices[static_cast<size_t>(random.Int(0, static_cast<int64_t>(choices.size()) - 1))];
}

constexpr std::array<std::string_view, 16> kCharacters = {
    "a", "b", "c", "B", "0", "7", "_", "-", " ", "\n", "\t", "\"", "é", "ß", "€", "🙂"};

constexpr std::array<std::string_view, 26> kAtoms = {
    "a",   "b",    "c",     "7",       "é",          "€",   "🙂", " ",   "-",
    ".",   ".",    "\\d",   "\\D",     "\\w",        "\\W", "\\s",  "\\S", "\\n",
    "\\.", "\\\"", "\\x61", "\\u00e9", "\\u{1F642}", "]",   "}",    "\\t"};

constexpr std::array<std::string_view, 24> kMembers = {"a",
                                                       "b",
                                                       "a-c",
                                                       "0-9",
                                                       "é",
                                                       "à-ÿ",
                                                       "€-🙂",
                                                       "\\d",
                                                       "\\D",
                                                       "\\w",
                                                       "\\W",
                                                       "\\s",
                                                       "\\S",
                                                       "\\n",
                                                       "\\x41-Z",
                                                       "\\u0080-\\u07ff",
                                                       "\\u{1F600}-\\u{1F64F}",
                                                       ".",
                                                       "*",
                                                       "[a",
                                                       "$",
                                                       "^",
                                                       "\\]",
                                                       "\\-"};

constexpr std::array<std::string_view, 10> kQuantifiers = {
    "*", "+", "?", "{2}", "{1,}", "{0}", "{0,2}", "{1,3}", "{3,3}", "{0,1}"};

std::string RandomClass(Random& random) {
  // A hyphen first and last stands for itself, and so does ^ behind anything.
  std::string result = random.Int(0, 2) == 0 ? "[^" : "[";
  if (random.Int(0, 5) == 0) {
    result += '-';
  } else {
    result += "x";
  }
  for (int64_t i = random.Int(0, 3); i > 0; --i) result += Pick(random, kMembers);
  if (random.Int(0, 5) == 0) result += '-';
  return result + "]";
}

std::string RandomChoice(Random& random, int depth);

std::string RandomAtom(Random& random, int depth) {
  const int64_t kind = random.Int(0, 9);
  if (kind < 2) return RandomClass(random);
  if (kind < 4 && depth > 0) {
    return (kind == 2 ? "(" : "(?:") + RandomChoice(random, depth - 1) + ")";
  }
  return std::string(Pick(random, kAtoms));
}

std::string RandomChoice(Random& random, int depth) {
  std::string result;
  for (int64_t choices = random.Int(0, 3) == 0 ? 2 : 1; choices > 0; --choices) {
    for (int64_t atoms = random.Int(0, 4); atoms > 0; --atoms) {
      result += RandomAtom(random, depth);
      if (random.Int(0, 2) == 0) result += Pick(random, kQuantifiers);
    }
    if (choices > 1) result += '|';
  }
  return result;
}

}  // namespace

void Pcre2Pattern::FreeCode::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Pcre2Pattern::Pcre2Pattern(std::string_view pattern) {
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
  int error = 0;
  size_t offset = 0;
  code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                            PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY,
                            &error, &offset, context));
  pcre2_compile_context_free(context);
  if (code_ != nullptr) pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
}

std::optional<bool> Pcre2Pattern::TryToMatch(std::string_view text) const {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  const int code = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                               0, 0, data, nullptr);
  pcre2_match_data_free(data);
  if (code == PCRE2_ERROR_MATCHLIMIT) return std::nullopt;
  return code >= 0;
}

bool Pcre2Pattern::Matches(std::string_view text) const {
  const std::optional<bool> matches = TryToMatch(text);
  if (!matches) throw std::runtime_error("PCRE2 gives up");
  return *matches;
}

std::string RandomPattern(Random& random, int depth) {
  std::string pattern = RandomChoice(random, depth);
  if (random.Int(0, 9) == 0) pattern = "^" + pattern;
  if (random.Int(0, 9) == 0) pattern += "$";
  return pattern;
}

std::string RandomFinitePattern(Random& random, size_t longest) {
  constexpr std::array<std::string_view, 6> kOne = {"a", "b", "é", "[ab]", "[bé]", "[^\\s\\S]"};
  if (longest == 0) return "";
  switch (random.Int(0, 5)) {
    case 0:
      return fmt::format("({}|{})", RandomFinitePattern(random, longest),
                         RandomFinitePattern(random, longest));
    case 1:
      return fmt::format("({}){{0,2}}", RandomFinitePattern(random, longest / 2));
    case 2:
      return fmt::format("({}){{2}}", RandomFinitePattern(random, longest / 2));
    case 3:
      return fmt::format("({})?", RandomFinitePattern(random, longest));
    default: {
      const std::string first(Pick(random, kOne));
      return first + RandomFinitePattern(random, longest - 1);
    }
  }
}

std::string RandomText(Random& random, size_t longest) {
  std::string text;
  for (int64_t i = random.Int(0, static_cast<int64_t>(longest)); i > 0; --i) {
    text += Pick(random, kCharacters);
  }
  return text;
}

std::vector<std::string> AllTexts(const std::vector<std::string>& characters, size_t longest) {
  std::vector<std::string> texts = {""};
  for (size_t length = 1, begin = 0; length <= longest; ++length) {
    const size_t end = texts.size();
    for (size_t i = begin; i < end; ++i) {
      for (const std::string& character : characters) texts.push_back(texts[i] + character);
    }
    begin = end;
  }
  return texts;
}

}  // namespace fairlead::testing
