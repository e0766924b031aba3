// Which headers an answer may have: every form that the model writes, and nothing else.
#include "chat/harmony/header_constraint.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "chat/harmony/parser.h"
#include "tests/support/random.h"
#include "tests/tokenizer/vocabularies.h"

namespace fairlead {
namespace {

using testing::Random;
using Choice = AnswerRules::ToolChoice;
using Tokens = std::vector<int32_t>;

const AnswerRules kNoTools = {};
const AnswerRules kTools = {
    .tools = {"functions.get", "functions.get_weather", "python", "browser.search"},
    .channels = {"analysis", "commentary", "final"}};

AnswerRules With(AnswerRules rules, Choice choice) {
  rules.tool_choice = choice;
  return rules;
}

AnswerRules In(std::vector<std::string> channels, AnswerRules rules = kTools) {
  rules.channels = std::move(channels);
  return rules;
}

// What the tests of one vocabulary share.
struct Spellings {
  Tokenizer::Pointer tokenizer;
  std::shared_ptr<const VocabularyTrie> trie;
  std::map<char, int32_t> bytes;  // the tokens of one byte
};

const Spellings& SpellingsOf(const std::string& vocabulary) {
  static std::map<std::string, Spellings> known;
  Spellings& spellings = known[vocabulary];
  if (spellings.trie != nullptr) return spellings;
  spellings.tokenizer = testing::Vocabulary(vocabulary);
  spellings.trie = VocabularyTrie::Build(spellings.tokenizer);
  for (const int32_t id : spellings.trie->tokens()) {
    const std::string_view bytes = *spellings.trie->TokenBytes(id);
    if (bytes.size() == 1) spellings.bytes[bytes.front()] = id;
  }
  return spellings;
}

class HeaderConstraint : public ::testing::TestWithParam<const char*> {
 protected:
  HeaderConstraint()
      : spellings_(SpellingsOf(GetParam())),
        tokenizer_(spellings_.tokenizer),
        tokens_(FindHarmonyTokens(*tokenizer_).value()),
        trie_(spellings_.trie),
        model_vocabulary_size_(tokenizer_->vocabulary_size() + 100) {}

  Result<std::shared_ptr<const TokenConstraint>> Create(const AnswerRules& rules) const {
    return NewHeaderConstraint(tokens_, trie_, model_vocabulary_size_, rules);
  }
  std::unique_ptr<TokenConstraint> Start(const AnswerRules& rules) const {
    auto constraint = Create(rules);
    if (!constraint) throw std::runtime_error(constraint.error().message);
    return (*constraint)->Clone();
  }
  Tokens Allowed(TokenConstraint& constraint) const {
    TokenSet set(model_vocabulary_size_);
    for (int32_t id = 0; id < model_vocabulary_size_; id += 7) set.Add(id);  // is overwritten
    constraint.AllowedTokens(set);
    Tokens ids;
    for (int32_t id = 0; id < model_vocabulary_size_; ++id) {
      if (set.Contains(id)) ids.push_back(id);
    }
    return ids;
  }
  Tokens Encode(const std::string& text) const { return tokenizer_->Encode(text, true).value(); }
  // The same text with every byte a token of its own.
  Tokens EncodeBytes(const std::string& text) const {
    Tokens ids;
    for (const int32_t id : Encode(text)) {
      if (tokenizer_->IsSpecial(id)) {
        ids.push_back(id);
        continue;
      }
      const std::string_view bytes = *trie_->TokenBytes(id);
      for (const char byte : bytes) ids.push_back(spellings_.bytes.at(byte));
    }
    return ids;
  }
  // How much of `ids` is taken; what may come and what is taken must be the same.
  size_t Taken(TokenConstraint& constraint, const Tokens& ids) const {
    TokenSet allowed(model_vocabulary_size_);
    for (size_t i = 0; i < ids.size(); ++i) {
      constraint.AllowedTokens(allowed);
      const bool taken = constraint.Accept(ids[i]);
      EXPECT_EQ(taken, allowed.Contains(ids[i])) << tokenizer_->Decode(ids).value() << " at " << i;
      if (!taken) return i;
    }
    return ids.size();
  }
  bool Takes(const AnswerRules& rules, const std::string& text) const {
    bool taken = true;
    for (const Tokens& ids : {Encode(text), EncodeBytes(text)}) {
      taken = taken && Taken(*Start(rules), ids) == ids.size();
    }
    return taken;
  }
  // Takes all of `text`, and the answer is over with it.
  bool Ends(const AnswerRules& rules, const std::string& text) const {
    const auto constraint = Start(rules);
    const Tokens ids = Encode(text);
    return Taken(*constraint, ids) == ids.size() && constraint->complete() &&
           Allowed(*constraint).empty();
  }
  // Takes `text` up to its last token, and not that one.
  bool Stops(const AnswerRules& rules, const std::string& text) const {
    const Tokens ids = Encode(text);
    return Taken(*Start(rules), ids) + 1 == ids.size();
  }
  std::string RandomWalk(const AnswerRules& rules, Random& random, Tokens& tokens) const;
  void ExpectReadable(const AnswerRules& rules, const Tokens& tokens) const;

  const Spellings& spellings_;
  Tokenizer::Pointer tokenizer_;
  HarmonyTokens tokens_;
  std::shared_ptr<const VocabularyTrie> trie_;
  int64_t model_vocabulary_size_;
};

INSTANTIATE_TEST_SUITE_P(Vocabularies, HeaderConstraint, ::testing::Values("tiny", "o200k"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(HeaderConstraint, TakesEveryHeaderThatTheModelWrites) {
  for (const char* header : {
           "<|channel|>analysis<|message|>",
           "<|channel|>commentary<|message|>",
           "<|channel|>final<|message|>",
           "<|channel|>final <|constrain|>json<|message|>",
           "<|channel|>final<|constrain|>json<|message|>",
           "<|channel|>commentary to=functions.get<|message|>",
           "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>",
           "<|channel|>commentary to=functions.get_weather<|constrain|>json<|message|>",
           "<|channel|>commentary to=functions.get_weather json<|message|>",
           " to=functions.get_weather<|channel|>commentary<|message|>",
           " to=functions.get_weather<|channel|>commentary <|constrain|>json<|message|>",
           " to=functions.get_weather<|channel|>commentary json<|message|>",
           "<|channel|>analysis to=python<|message|>",
           "<|channel|>analysis to=python code<|message|>",
           "<|channel|>commentary to=python code<|message|>",
           "<|channel|>analysis to=functions.get<|message|>",
           "<|channel|>analysis to=functions.get_weather <|constrain|>json<|message|>",
           "<|channel|>analysis to=functions.get code<|message|>",
           " to=functions.get<|channel|>analysis<|message|>",
           "<|channel|>analysis to=browser.search code<|message|>",
           "<|channel|>analysis to=browser.search <|constrain|>json<|message|>",
           " to=browser.search<|channel|>analysis code<|message|>",
           " to=python<|channel|>commentary <|constrain|>code<|message|>",
       }) {
    EXPECT_TRUE(Takes(kTools, header)) << header;
  }
}

TEST_P(HeaderConstraint, RefusesEverythingElse) {
  for (const char* header : {
           "<|message|>",
           "<|end|>",
           "<|return|>",
           "<|start|>",
           "<|constrain|>",
           "<|endoftext|>",
           "a",
           "<|channel|><|message|>",
           "<|channel|>analysi<|message|>",
           "<|channel|>finally",
           "<|channel|>summary",
           "<|channel|>final final",
           "<|channel|>final<|channel|>",
           "<|channel|>final to=python",
           "<|channel|>final json",
           "<|channel|>final <|constrain|>schema",
           "<|channel|>final <|message|>",
           "<|channel|>analysis<|constrain|>",
           "<|channel|>analysis json",
           "<|channel|>commentary json",
           "<|channel|>commentary<|constrain|>",
           "<|channel|>commentary <|constrain|>",
           "<|channel|>commentary <|message|>",
           "<|channel|>commentary  to=python",
           "<|channel|>commentaryto=python",
           "<|channel|>commentary to=functions.ge<|message|>",
           "<|channel|>commentary to=functions.get_weathers",
           "<|channel|>commentary to=functions.delete",
           "<|channel|>commentary to=functions<|message|>",
           "<|channel|>commentary to=<|message|>",
           "<|channel|>commentary to=assistant",
           "<|channel|>commentary to=python to=python",
           "<|channel|>commentary to=python<|channel|>",
           "<|channel|>commentary to=python <|message|>",
           "<|channel|>commentary to=python <|constrain|><|message|>",
           "<|channel|>commentary to=python <|constrain|> json",
           "<|channel|>commentary to=python <|constrain|>json<|constrain|>",
           "<|channel|>commentary to=python<|end|>",
           "<|channel|>final to=functions.get",
           " to=functions.get<|message|>",
           " to=functions.get<|channel|>final",
           " to=functions.get<|channel|>commentary to=functions.get",
           " to=python<|channel|>final",
           " to=python to=python",
           " to=python json",
           "\n",
           "to=python",
       }) {
    EXPECT_FALSE(Takes(kTools, header)) << header;
  }
}

TEST_P(HeaderConstraint, NamesRecipientsOnlyWhereThereAreToolsAndTheyMayBeCalled) {
  for (const AnswerRules& rules : {kNoTools, With(kTools, Choice::kNone)}) {
    EXPECT_TRUE(Takes(rules, "<|channel|>commentary<|message|>Well"));
    EXPECT_FALSE(Takes(rules, " to="));
    EXPECT_FALSE(Takes(rules, "<|channel|>commentary to="));
    EXPECT_FALSE(Takes(rules, "<|channel|>analysis to="));
  }
  const AnswerRules functions = {.tools = {"functions.get"}};
  EXPECT_TRUE(Takes(functions, "<|channel|>commentary to=functions.get<|message|>"));
  EXPECT_TRUE(Takes(functions, "<|channel|>analysis to=functions.get<|message|>"));
  EXPECT_FALSE(Takes(functions, " to=functions.get<|channel|>f"));
}

TEST_P(HeaderConstraint, LetsTheModelCallTheToolThatItMeansInItsReasoning) {
  const AnswerRules both = {.tools = {"functions.w", "python"}};
  for (const char* recipient : {"functions.w", "python"}) {
    EXPECT_TRUE(Takes(both, fmt::format("<|channel|>analysis to={}<|message|>", recipient)));
    EXPECT_TRUE(Takes(both, fmt::format(" to={}<|channel|>analysis<|message|>", recipient)));
  }
}

TEST_P(HeaderConstraint, OffersTheChannelsThatAreAllowed) {
  const AnswerRules some = In({"final", "analysis", "final"});
  EXPECT_TRUE(Takes(some, "<|channel|>analysis to=python<|message|>"));
  EXPECT_TRUE(Takes(some, "<|channel|>final<|message|>"));
  EXPECT_FALSE(Takes(some, "<|channel|>commentary"));
  EXPECT_TRUE(Takes(some, "<|channel|>analysis to=functions.get<|message|>"));
  EXPECT_FALSE(Takes(some, " to=python<|channel|>commentary"));
  EXPECT_TRUE(Takes(In({"finale", "final"}), "<|channel|>finale<|message|>"));
  EXPECT_TRUE(Takes(In({"finale", "final"}), "<|channel|>final<|message|>"));
}

TEST_P(HeaderConstraint, EndsEveryMessageAsItsChannelDoes) {
  const std::string thought = "<|channel|>analysis<|message|>Hm.";
  EXPECT_TRUE(Takes(kTools, thought + "<|end|><|start|>assistant" + thought + "<|end|>"));
  const std::string preamble = "<|channel|>commentary<|message|>I look it up.";
  EXPECT_TRUE(Takes(kTools, preamble + "<|end|><|start|>assistant" + thought));
  const std::string answer = "<|channel|>final<|message|>42";
  const std::string call = "<|channel|>commentary to=functions.get <|constrain|>json<|message|>{}";
  for (const auto& [text, end] : {std::pair(answer, "<|return|>"), {call, "<|call|>"}}) {
    EXPECT_TRUE(Ends(kTools, text + end)) << text << end;
  }
  EXPECT_TRUE(Takes(kTools, call + "<|end|><|start|>assistant" + call + "<|call|>"));
  for (const auto& text : {thought, preamble, answer, call}) {
    for (const char* token :
         {"<|start|>", "<|channel|>", "<|message|>", "<|constrain|>", "<|endoftext|>"}) {
      EXPECT_TRUE(Stops(kTools, text + token)) << text << token;
    }
  }
  for (const auto& text : {thought, preamble}) {
    EXPECT_TRUE(Stops(kTools, text + "<|return|>"));
    EXPECT_TRUE(Stops(kTools, text + "<|call|>"));
  }
  EXPECT_TRUE(Stops(kTools, answer + "<|call|>"));
  EXPECT_TRUE(Stops(kTools, answer + "<|end|>"));
  EXPECT_TRUE(Stops(kTools, call + "<|return|>"));
}

// A request's min_tokens forbids its stop tokens until then.
TEST_P(HeaderConstraint, LeavesNoWayOutOfAnAnswerWhoseStopTokensAreForbidden) {
  const auto constraint = Start(kTools);
  const Tokens ids = Encode("<|channel|>final<|message|>42");
  ASSERT_EQ(Taken(*constraint, ids), ids.size());
  Tokens allowed = Allowed(*constraint);
  std::erase_if(allowed, [this](int32_t id) { return id == tokens_.ret || id == tokens_.call; });
  ASSERT_FALSE(allowed.empty());
  EXPECT_TRUE(std::none_of(allowed.begin(), allowed.end(),
                           [this](int32_t id) { return tokenizer_->IsSpecial(id); }));
}

TEST_P(HeaderConstraint, GoesOnOnlyAsTheAssistant) {
  const std::string end = "<|channel|>analysis<|message|><|end|>";
  EXPECT_TRUE(Stops(kTools, end + "<|return|>"));
  EXPECT_TRUE(Stops(kTools, end + "<|channel|>"));
  EXPECT_TRUE(Stops(kTools, end + "<|start|><|channel|>"));
  EXPECT_FALSE(Takes(kTools, end + "<|start|>user"));
  EXPECT_FALSE(Takes(kTools, end + "<|start|>functions.get to=assistant"));
  EXPECT_TRUE(Takes(kTools, end + "<|start|>assistant to=python<|channel|>analysis<|message|>"));
}

TEST_P(HeaderConstraint, NeverRestrictsContent) {
  Tokens ordinary;
  for (int32_t id = 0; id < tokenizer_->vocabulary_size(); ++id) {
    if (!tokenizer_->IsSpecial(id) && tokenizer_->TokenBytes(id)) ordinary.push_back(id);
  }
  for (const auto& [header, ends] :
       {std::pair("<|channel|>analysis<|message|>", Tokens{tokens_.end}),
        {"<|channel|>commentary<|message|>", Tokens{tokens_.end}},
        {"<|channel|>final<|message|>", Tokens{tokens_.ret}},
        {"<|channel|>commentary to=python<|message|>", Tokens{tokens_.end, tokens_.call}}}) {
    Tokens expected = ordinary;
    expected.insert(expected.end(), ends.begin(), ends.end());
    std::sort(expected.begin(), expected.end());
    const auto constraint = Start(kTools);
    const Tokens ids = Encode(header);
    ASSERT_EQ(Taken(*constraint, ids), ids.size());
    for (const int32_t id : {ordinary.front(), ordinary.back(), ordinary[ordinary.size() / 2]}) {
      EXPECT_TRUE(Allowed(*constraint) == expected) << header;
      EXPECT_FALSE(constraint->complete());
      ASSERT_TRUE(constraint->Accept(id));
    }
  }
}

TEST_P(HeaderConstraint, ARequiredCallComesBeforeTheAnswerCanEnd) {
  const AnswerRules required = With(kTools, Choice::kRequired);
  const std::string thought = "<|channel|>analysis<|message|>Hm.";
  const std::string preamble = "<|channel|>commentary<|message|>I look it up.";
  EXPECT_FALSE(Takes(required, "<|channel|>f"));
  EXPECT_FALSE(Takes(required, thought + "<|end|><|start|>assistant<|channel|>f"));
  EXPECT_TRUE(Stops(required, preamble + "<|return|>"));
  const std::string call = " to=python<|channel|>analysis code<|message|>1+1";
  EXPECT_TRUE(Ends(required, preamble + "<|end|><|start|>assistant" + call + "<|call|>"));
  EXPECT_TRUE(
      Ends(required, call + "<|end|><|start|>assistant<|channel|>final<|message|><|return|>"))
      << "what was required was done";
  const AnswerRules one = {.tools = {"functions.get"}, .tool_choice = Choice::kRequired};
  EXPECT_FALSE(Takes(one, " to=functions.get_weather"));
  EXPECT_TRUE(Ends(one, " to=functions.get<|channel|>commentary<|message|>{}<|call|>"));
}

TEST_P(HeaderConstraint, EndsInWhatComesClosestToFinalWhereThatIsNotAllowed) {
  EXPECT_TRUE(Ends(In({"analysis"}), "<|channel|>analysis<|message|>42<|return|>"));
  EXPECT_TRUE(Takes(In({"analysis"}), "<|channel|>analysis<|message|>42<|end|><|start|>assistant"));
  const AnswerRules two = In({"analysis", "commentary"});
  EXPECT_TRUE(Stops(two, "<|channel|>analysis<|message|>42<|return|>"));
  EXPECT_TRUE(Ends(two, "<|channel|>commentary<|message|>42<|return|>"));
  EXPECT_TRUE(Stops(With(two, Choice::kRequired), "<|channel|>commentary<|message|>42<|return|>"));
}

TEST_P(HeaderConstraint, RefusesWhatItCannotKeep) {
  const auto error_of = [this](const AnswerRules& rules) {
    const auto constraint = Create(rules);
    EXPECT_FALSE(constraint.has_value());
    if (constraint) return std::string();
    EXPECT_EQ(constraint.error().code, ErrorCode::kInvalidArgument);
    return constraint.error().message;
  };
  const std::string expected = ": expected a name that a message's header can hold, got ";
  using namespace std::string_literals;
  const char* punctuation = "one of {}[]()<>\"'`,;=|\\";
  for (const auto& [name, found] : {std::pair(""s, "an empty one"),
                                    {"functions.a b", "white space"},
                                    {"a\u00A0b", "white space"},
                                    {"a\u3000", "white space"},
                                    {"a\tb", "a control character"},
                                    {"a\0b"s, "a control character"},
                                    {"a\x7F", "a control character"},
                                    {"\u0085", "a control character"},
                                    {"functions.x<|channel|>y", punctuation},
                                    {"f(x)", punctuation},
                                    {"to=f", punctuation},
                                    {"a\\b", punctuation},
                                    {"a\xC2", "bytes that are not UTF-8"},
                                    {"\xED\xA0\x80", "bytes that are not UTF-8"}}) {
    EXPECT_EQ(error_of({.tools = {"python", name}}), "[harmony] tool 1" + expected + found);
    EXPECT_EQ(error_of({.channels = {name}}), "[harmony] channel 0" + expected + found);
  }
  const std::string none =
      "[harmony] tool_choice: expected a tool that one of the channels can call, since a call is "
      "required, got none";
  EXPECT_EQ(error_of(With(kNoTools, Choice::kRequired)), none);
  EXPECT_EQ(error_of(With(In({"final"}), Choice::kRequired)), none);
  EXPECT_TRUE(Create(With(In({"analysis", "final"}), Choice::kRequired)).has_value());
  EXPECT_FALSE(NewHeaderConstraint(tokens_, trie_, tokens_.call, kTools).has_value());
}

TEST_P(HeaderConstraint, TellsRecipientsApartThatBeginAlike) {
  AnswerRules rules;
  for (size_t length = 1; length <= 40; ++length) {
    rules.tools.push_back("functions." + std::string(length, 'a'));
  }
  rules.tools.push_back("functions.größe_日本");
  for (const std::string& tool : rules.tools) {
    EXPECT_TRUE(Takes(rules, "<|channel|>commentary to=" + tool + " <|constrain|>json<|message|>"));
    EXPECT_TRUE(Takes(rules, " to=" + tool + "<|channel|>commentary<|message|>"));
  }
  EXPECT_FALSE(Takes(rules, " to=functions." + std::string(41, 'a')));
  EXPECT_FALSE(Takes(rules, " to=functions.<|channel|>"));
}

TEST_P(HeaderConstraint, HoldsManyToolsWithLongNames) {
  AnswerRules rules;
  for (int i = 0; i < 128; ++i) {
    rules.tools.push_back(fmt::format("{}.{}_{}", i % 3 == 0 ? "browser" : "functions",
                                      std::string(static_cast<size_t>(64 + i % 7), 'n'), i));
  }
  for (const std::string& tool : rules.tools) {
    ASSERT_TRUE(Takes(rules, "<|channel|>commentary to=" + tool + " json<|message|>")) << tool;
  }
}

TEST_P(HeaderConstraint, TakesNoIdThatIsNone) {
  const auto constraint = Start(kTools);
  for (const std::string& text : {std::string(), std::string("<|channel|>final<|message|>")}) {
    const Tokens ids = Encode(text);
    ASSERT_EQ(Taken(*constraint, ids), ids.size());
    for (const int32_t id : {-1, INT32_MIN, tokenizer_->vocabulary_size(),
                             tokenizer_->vocabulary_size() + 100, INT32_MAX}) {
      EXPECT_FALSE(constraint->Accept(id)) << id;
    }
  }
}

// What an answer under `kTools` looks like, written down a second time; contents are empty.
std::regex Grammar(Choice choice) {
  const std::string types = "(?:json|code|text|xml|yaml)";
  const std::string marked = " ?<\\|constrain\\|>" + types;
  const std::string type = "(?:" + marked + "| " + types + ")?";
  const std::string recipient = " to=(?:functions\\.get(?:_weather)?|python|browser\\.search)";
  const std::string channel = "<\\|channel\\|>(?:analysis|commentary)";
  const std::string call =
      "(?:" + recipient + channel + "|" + channel + recipient + ")" + type + "<\\|message\\|>";
  const std::string other = "<\\|channel\\|>(?:analysis|commentary)<\\|message\\|>";
  const std::string last = "<\\|channel\\|>final(?:" + marked + ")?<\\|message\\|><\\|return\\|>";
  const std::string next = "<\\|end\\|><\\|start\\|>assistant";
  if (choice == Choice::kNone) return std::regex("(?:" + other + next + ")*" + last);
  const std::string free =
      "(?:(?:" + other + "|" + call + ")" + next + ")*(?:" + last + "|" + call + "<\\|call\\|>)";
  if (choice == Choice::kAuto) return std::regex(free);
  return std::regex("(?:" + other + next + ")*" + call + "(?:<\\|call\\|>|" + next + free + ")");
}

// Every token is drawn from those allowed; contents are short, and left out of the text that is
// returned.
std::string HeaderConstraint::RandomWalk(const AnswerRules& rules, Random& random,
                                         Tokens& tokens) const {
  const auto constraint = Start(rules);
  std::string text;
  bool content = false;
  while (true) {
    Tokens allowed = Allowed(*constraint);
    EXPECT_EQ(allowed.empty(), constraint->complete()) << text;
    if (allowed.empty()) return text;
    if (content && random.Int(0, 2) == 0) {
      std::erase_if(allowed, [this](int32_t id) { return !tokenizer_->IsSpecial(id); });
    }
    const auto drawn = random.Int(0, static_cast<int64_t>(allowed.size()) - 1);
    const int32_t token = allowed[static_cast<size_t>(drawn)];
    EXPECT_TRUE(constraint->Accept(token));
    tokens.push_back(token);
    if (!content || tokenizer_->IsSpecial(token)) text += *tokenizer_->TokenBytes(token);
    if (token == tokens_.message) content = true;
    if (tokens_.EndsMessage(token)) content = false;
  }
}

// Nothing is to be mended in the headers of `tokens`, and nothing is called that is not declared.
void HeaderConstraint::ExpectReadable(const AnswerRules& rules, const Tokens& tokens) const {
  const auto parser = NewHarmonyParser(tokenizer_, tokens_, Role::kAssistant);
  for (const int32_t token : tokens) parser->Push(token);
  parser->Finish();
  for (const ParsedMessage& parsed : parser->messages()) {
    for (const Repair& repair : parsed.repairs) EXPECT_EQ(repair.kind, "broken UTF-8");
    EXPECT_EQ(parsed.message.role, Role::kAssistant);
    const auto& recipient = parsed.message.recipient;
    EXPECT_TRUE(!recipient ||
                std::find(rules.tools.begin(), rules.tools.end(), *recipient) != rules.tools.end())
        << *recipient;
  }
}

TEST_P(HeaderConstraint, EveryWalkIsAWellFormedAnswer) {
  const bool large = GetParam() == std::string("o200k");
  Random random(testing::SeedOf(GetParam()));
  for (const Choice choice : {Choice::kAuto, Choice::kNone, Choice::kRequired}) {
    const std::regex grammar = Grammar(choice);
    for (int i = 0; i < (large ? 5 : 80); ++i) {
      Tokens tokens;
      const std::string text = RandomWalk(With(kTools, choice), random, tokens);
      ASSERT_TRUE(std::regex_match(text, grammar)) << text;
      ExpectReadable(kTools, tokens);
      ASSERT_FALSE(HasFailure()) << text;
    }
  }
}

TEST_P(HeaderConstraint, RollbackIsTheSameAsNotHavingAccepted) {
  Random random(7);
  const auto constraint = Start(kTools);
  std::vector<Tokens> allowed = {Allowed(*constraint)};  // behind each token
  for (int step = 0; step < 300; ++step) {
    if (allowed.back().empty() || random.Int(0, 4) == 0) {
      const auto count = static_cast<size_t>(random.Int(0, 6));
      constraint->Rollback(static_cast<int>(count));
      allowed.resize(count < allowed.size() ? allowed.size() - count : 1);
    } else {
      const Tokens& choices = allowed.back();
      const auto drawn = random.Int(0, static_cast<int64_t>(choices.size()) - 1);
      // In content the last ids are the ends.
      const bool last = choices.size() > 1000 && random.Int(0, 1) == 0;
      ASSERT_TRUE(constraint->Accept(last ? choices.back() : choices[static_cast<size_t>(drawn)]));
      allowed.push_back(Allowed(*constraint));
    }
    ASSERT_TRUE(Allowed(*constraint) == allowed.back()) << step;
    ASSERT_EQ(constraint->complete(), allowed.back().empty());
  }
  constraint->Rollback(1'000'000);
  constraint->Rollback(-1);
  EXPECT_TRUE(Allowed(*constraint) == allowed.front());
}

TEST_P(HeaderConstraint, ClonesGoTheirOwnWays) {
  const auto constraint = Start(kTools);
  const Tokens header = Encode("<|channel|>commentary to=python");
  ASSERT_EQ(Taken(*constraint, header), header.size());
  const auto clone = constraint->Clone();
  ASSERT_TRUE(clone->Accept(tokens_.message));
  EXPECT_FALSE(constraint->Accept(tokens_.call));
  ASSERT_TRUE(constraint->Accept(tokens_.constrain));
  EXPECT_TRUE(clone->Accept(tokens_.call));
  EXPECT_TRUE(clone->complete());
  clone->Rollback(static_cast<int>(header.size()) + 2);
  EXPECT_TRUE(Allowed(*clone) == Allowed(*Start(kTools)));
}

}  // namespace
}  // namespace fairlead
