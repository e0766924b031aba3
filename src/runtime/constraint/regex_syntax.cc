#include "runtime/constraint/regex_syntax.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/constraint/regex_escape.h"
#include "tokenizer/utf8.h"

namespace fairlead {
namespace {

constexpr size_t kMaxPatternBytes = size_t{64} << 10;
constexpr size_t kMaxDepth = 250;
// Nodes and edges of the automaton. Also the highest count of repetitions, which each cost one.
constexpr size_t kMaxSize = 50'000;

RegexNode CharacterNode(const CharacterSet& set) {
  RegexNode node{.kind = RegexNode::Kind::kCharacter, .characters = MakeUtf8Graph(set)};
  node.size = node.characters.nodes.size() + node.characters.edge_count();
  return node;
}

// A node of `parts`, or the only part itself.
RegexNode Combined(RegexNode::Kind kind, std::vector<RegexNode> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  RegexNode node{.kind = kind, .parts = std::move(parts)};
  node.size = 1 + node.parts.size();
  for (const RegexNode& part : node.parts) node.size += part.size;
  return node;
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern) {}

  Result<RegexNode> Parse() {
    if (Peek() == '^') ++position_;
    FAIRLEAD_ASSIGN_OR_RETURN(RegexNode node, ParseChoice(0));
    if (!AtEnd()) return Broken("a ( before this )");
    return node;
  }

 private:
  bool AtEnd() const { return position_ == pattern_.size(); }
  // The byte at the position; at the end one that no pattern needs to tell from others.
  char Peek() const { return AtEnd() ? '\0' : pattern_[position_]; }
  std::string_view Rest() const { return pattern_.substr(position_); }
  tl::unexpected<Error> Broken(std::string_view expected) const {
    return RegexError(ErrorCode::kInvalidArgument, pattern_, position_, expected);
  }
  tl::unexpected<Error> Unsupported(std::string_view expected) const {
    return RegexError(ErrorCode::kUnsupported, pattern_, position_, expected);
  }
  Status CheckSize(size_t size) const {
    if (size <= kMaxSize) return {};
    return Fail(ErrorCode::kResourceExhausted, "regex",
                "position {}: expected an automaton of at most {} nodes and edges, got {}",
                position_, kMaxSize, size);
  }

  // Alternatives up to a ) or the end.
  Result<RegexNode> ParseChoice(size_t depth) {
    if (depth > kMaxDepth) {
      return Broken(fmt::format("groups at most {} deep", kMaxDepth));
    }
    std::vector<RegexNode> alternatives;
    while (true) {
      FAIRLEAD_ASSIGN_OR_RETURN(RegexNode sequence, ParseSequence(depth));
      alternatives.push_back(std::move(sequence));
      if (Peek() != '|') break;
      ++position_;
    }
    RegexNode node = Combined(RegexNode::Kind::kChoice, std::move(alternatives));
    FAIRLEAD_RETURN_IF_ERROR(CheckSize(node.size));
    return node;
  }

  Result<RegexNode> ParseSequence(size_t depth) {
    std::vector<RegexNode> parts;
    while (!AtEnd() && Peek() != '|' && Peek() != ')') {
      if (Rest() == "$") {
        ++position_;
        break;
      }
      FAIRLEAD_ASSIGN_OR_RETURN(RegexNode atom, ParseAtom(depth));
      FAIRLEAD_ASSIGN_OR_RETURN(RegexNode part, ParseQuantifier(std::move(atom)));
      parts.push_back(std::move(part));
    }
    return Combined(RegexNode::Kind::kSequence, std::move(parts));
  }

  Result<RegexNode> ParseAtom(size_t depth) {
    switch (Peek()) {
      case '(':
        return ParseGroup(depth);
      case '[':
        return ParseClass();
      case '.':
        ++position_;
        return CharacterNode(Complement({{'\n', '\n'}}));
      case '\\': {
        FAIRLEAD_ASSIGN_OR_RETURN(const RegexEscape escape, ReadRegexEscape(pattern_, position_));
        return CharacterNode(escape.characters);
      }
      case '^':
        return Unsupported("a character (^ only stands at the very beginning; \\^ is the symbol)");
      case '$':
        return Unsupported("a character (\"$\" only stands at the very end; \\$ is the symbol)");
      case '*':
      case '+':
      case '?':
      case '{':
        return Broken("something to repeat before a quantifier (\\ makes it a symbol)");
      default: {
        const uint32_t character = ReadRegexCharacter(pattern_, position_);
        return CharacterNode({{character, character}});
      }
    }
  }

  Result<RegexNode> ParseGroup(size_t depth) {
    if (Rest().starts_with("(?:")) {
      position_ += 3;
    } else if (Rest().starts_with("(?") || Rest().starts_with("(*")) {
      return Unsupported(
          "a group ( or (?: without look-around, flags, names, verbs and other extensions");
    } else {
      ++position_;
    }
    FAIRLEAD_ASSIGN_OR_RETURN(RegexNode node, ParseChoice(depth + 1));
    if (Peek() != ')') return Broken("a ) to end the group");
    ++position_;
    return node;
  }

  Result<RegexNode> ParseQuantifier(RegexNode atom) {
    size_t least = 0;
    std::optional<size_t> most;
    switch (Peek()) {
      case '*':
        break;
      case '+':
        least = 1;
        break;
      case '?':
        most = 1;
        break;
      case '{':
        FAIRLEAD_RETURN_IF_ERROR(ParseCounts(least, most));
        break;
      default:
        return atom;
    }
    RegexNode node{.kind = RegexNode::Kind::kRepeat, .least = least, .most = most};
    // One copy a repetition, each with a choice of two to go on or not; a loop holds one more copy.
    node.size = (most ? *most : least + 1) * (atom.size + 3) + 1;
    FAIRLEAD_RETURN_IF_ERROR(CheckSize(node.size));
    node.parts.push_back(std::move(atom));
    ++position_;
    if (Peek() == '?') return Unsupported("no ? after a quantifier (lazy ones are not supported)");
    if (Peek() == '+') {
      return Unsupported("no + after a quantifier (possessive ones are not supported)");
    }
    if (Peek() == '*' || Peek() == '{') return Broken("no second quantifier");
    return node;
  }

  // {m}, {m,} or {m,n}, up to the brace that ends it.
  Status ParseCounts(size_t& least, std::optional<size_t>& most) {
    ++position_;
    FAIRLEAD_ASSIGN_OR_RETURN(least, ParseCount());
    if (Peek() == ',') {
      ++position_;
      if (Peek() != '}') {
        FAIRLEAD_ASSIGN_OR_RETURN(most, ParseCount());
      }
    } else {
      most = least;
    }
    if (Peek() != '}') return Broken("a } to end the counts (\\{ is the symbol)");
    if (most && *most < least) {
      return Broken(fmt::format("a second count of at least {} before it", least));
    }
    return {};
  }

  Result<size_t> ParseCount() {
    if (Peek() < '0' || Peek() > '9') return Broken("a count of repetitions (\\{ is the symbol)");
    size_t count = 0;
    for (; '0' <= Peek() && Peek() <= '9'; ++position_) {
      count = count * 10 + static_cast<size_t>(Peek() - '0');
      if (count > kMaxSize) return Broken(fmt::format("a count of at most {}", kMaxSize));
    }
    return count;
  }

  Result<RegexNode> ParseClass() {
    ++position_;
    const bool negated = Peek() == '^';
    if (negated) ++position_;
    if (Peek() == ']') return Unsupported("a class with members (\\] is the symbol)");
    std::vector<CharacterRange> ranges;
    while (Peek() != ']') {
      FAIRLEAD_RETURN_IF_ERROR(ParseClassMember(ranges));
    }
    ++position_;
    const CharacterSet set = MakeCharacterSet(std::move(ranges));
    RegexNode node = CharacterNode(negated ? Complement(set) : set);
    FAIRLEAD_RETURN_IF_ERROR(CheckSize(node.size));
    return node;
  }

  // A character, an escape or a range.
  Status ParseClassMember(std::vector<CharacterRange>& ranges) {
    FAIRLEAD_ASSIGN_OR_RETURN(const RegexEscape first, ParseClassCharacter());
    const bool is_range = Peek() == '-' && !Rest().starts_with("-]");
    if (!is_range) {
      ranges.insert(ranges.end(), first.characters.begin(), first.characters.end());
      return {};
    }
    if (first.is_class) return Broken("no - after a class (\\- is the symbol)");
    ++position_;
    const size_t start = position_;
    FAIRLEAD_ASSIGN_OR_RETURN(const RegexEscape last, ParseClassCharacter());
    const CharacterRange range = {first.characters[0].first, last.characters[0].first};
    if (last.is_class || range.last < range.first) {
      position_ = start;
      return Broken("a character that ends the range, not below its beginning");
    }
    ranges.push_back(range);
    return {};
  }

  Result<RegexEscape> ParseClassCharacter() {
    if (AtEnd()) return Broken("a ] to end the class");
    if (Peek() == '\\') return ReadRegexEscape(pattern_, position_);
    for (const std::string_view posix : {"[:", "[.", "[="}) {
      if (Rest().starts_with(posix)) {
        return Unsupported("no class inside a class (\\[ is the symbol)");
      }
    }
    const uint32_t character = ReadRegexCharacter(pattern_, position_);
    return RegexEscape{{{character, character}}, false};
  }

  std::string_view pattern_;
  size_t position_ = 0;
};

}  // namespace

Result<RegexNode> ParseRegex(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return Fail(ErrorCode::kResourceExhausted, "regex",
                "pattern: expected at most {} bytes, got {}", kMaxPatternBytes, pattern.size());
  }
  if (const auto position = FindInvalidUtf8(pattern)) {
    return Fail(ErrorCode::kInvalidArgument, "regex",
                "position {}: expected UTF-8, got a broken sequence", *position);
  }
  return Parser(pattern).Parse();
}

}  // namespace fairlead
