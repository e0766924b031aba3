#include "cli/chat/chat_session.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/nearest.h"
#include "cli/chat/chat_file.h"
#include "cli/chat/chat_statistics.h"
#include "cli/chat/display_text.h"

namespace fairlead {
namespace {

using Happening = Terminal::Happening;

constexpr char kToggleKey = 0x0f;  // Ctrl-O
constexpr char kEndKey = 0x04;     // Ctrl-D
constexpr std::chrono::milliseconds kNow{0};
constexpr std::chrono::milliseconds kForEver{-1};

// As a shell would read a path.
std::filesystem::path PathOf(const std::string& argument) {
  const char* const home = std::getenv("HOME");
  if (home != nullptr && argument.starts_with("~/")) {
    return std::filesystem::path(home) / argument.substr(2);
  }
  return argument;
}

// A space keeps a message out of the history, or its first character from being more than that.
std::string WithSpace(std::string line) {
  const bool needs_it =
      line.starts_with('/') || line.starts_with(' ') || line.starts_with("\"\"\"");
  return needs_it ? " " + std::move(line) : line;
}

}  // namespace

ChatSession::ChatSession(Answerer& answerer, Dialogue& dialogue, GenerateSettings settings,
                         const ChatOptions& options, Terminal& terminal, Screen& screen)
    : answerer_(answerer),
      dialogue_(dialogue),
      options_(options),
      terminal_(terminal),
      screen_(screen),
      view_(screen, options.think),
      settings_(std::move(settings)) {}

Status ChatSession::Init() {
  FAIRLEAD_ASSIGN_OR_RETURN(
      editor_, CreateLineEditor(terminal_, pastes_,
                                {.toggle = [this] { Think(""); }, .resized = [this] { Resized(); }},
                                screen_.color()));
  for (const std::string& line : history_.Read()) editor_->Remember(line);
  return {};
}

void ChatSession::Greet() {
  Note(fmt::format("{}, {} tokens of context. /help lists the commands, Ctrl-D leaves.",
                   answerer_.model_name(), answerer_.context()));
  if (dialogue_.turns() > 0) ShowAgain();
}

Status ChatSession::Run() {
  Greet();
  while (!leave_) {
    const std::optional<Input> input = ReadInput();
    if (!input) break;
    if (input->command) {
      EndEditing();
      const auto line = ParseCommand(input->text);
      if (line) {
        Obey(*line);
      } else {
        Complain(line.error());
      }
      continue;
    }
    Dialogue before = dialogue_;
    if (std::exchange(editing_, false)) dialogue_.ForgetTurn();
    dialogue_.Ask(input->text);
    FAIRLEAD_RETURN_IF_ERROR(
        Answer(std::move(before), "The message was not added; Up brings it back."));
  }
  return {};
}

std::optional<ChatSession::Input> ChatSession::ReadInput() {
  bool asked = false;  // whether to leave
  lines_.Clear();
  terminal_.Unread(std::exchange(typed_, ""));
  while (true) {
    const EditedLine line = editor_->Read(lines_.open() ? "… " : "> ", std::exchange(initial_, ""));
    if (line.end == EditedLine::End::kEnd) return std::nullopt;
    if (line.end == EditedLine::End::kInterrupt) {
      screen_.BlankLine();
      if (asked) return std::nullopt;
      const bool was_empty = line.text.empty() && !lines_.open() && !editing_;
      if (was_empty) Note("Ctrl-C again leaves, or Ctrl-D.");
      asked = was_empty;
      EndEditing();
      lines_.Clear();
      continue;
    }
    asked = false;
    if (!lines_.Add(line.text)) continue;
    const std::string& text = lines_.text();
    if (text.find_first_not_of(" \t\n") == std::string::npos) {
      EndEditing();
      continue;
    }
    // What was pasted is not expanded yet: it is never a command.
    const bool command = IsCommand(text);
    if (text.starts_with(' ')) return Input{pastes_.Expand(text.substr(1)), false};
    KeepInHistory(text, command);
    return Input{pastes_.Expand(text), command};
  }
}

void ChatSession::KeepInHistory(const std::string& line, bool command) {
  editor_->Remember(Pastes::InOneLine(line));
  // Elsewhere nobody knows what was pasted here.
  const std::string text = Pastes::InOneLine(pastes_.Expand(line));
  const Status kept = history_.Append(command ? text : WithSpace(text));
  if (!kept && !std::exchange(history_failed_, true)) Complain(kept.error());
}

Status ChatSession::Answer(Dialogue before, std::string_view refused) {
  stopped_ = false;
  terminal_.ReadKeys();
  auto turn = TakeTurn(answerer_, dialogue_, options_, settings_, *this);
  if (!turn) {
    screen_.HideLive();
    if (turn.error().code == ErrorCode::kInternal) return tl::unexpected(turn.error());
    Complain(turn.error());
    if (turn.error().code == ErrorCode::kInvalidArgument) {
      Note(refused);
      dialogue_ = std::move(before);
    }
    return {};
  }
  if (turn->too_many_calls) Note("(those were many calls; say something to go on)");
  last_ = std::move(*turn);
  screen_.BlankLine();
  return {};
}

void ChatSession::Begin(int64_t /*prompt_tokens*/, size_t left_out) {
  view_.Begin();
  // Said once, not with every turn that follows.
  if (left_out == 0 || dialogue_.turns_left_out() > left_out) return;
  Note(
      fmt::format("The context is full: the model no longer sees the oldest {}. /new begins a new "
                  "conversation.",
                  Counted(static_cast<int64_t>(dialogue_.turns_left_out()), "message")));
}

Happening ChatSession::Attend(std::chrono::milliseconds limit) {
  const Happening happening = terminal_.Wait(limit);
  switch (happening) {
    case Happening::kInterrupt:
      stopped_ = true;
      break;
    case Happening::kEnd:
      stopped_ = leave_ = true;
      break;
    case Happening::kResize:
      Resized();
      break;
    case Happening::kContinue:
      terminal_.ReadKeys();
      screen_.ShowLiveAgain();
      break;
    case Happening::kInput:
    case Happening::kNothing:
      break;
  }
  return happening;
}

bool ChatSession::Stop() {
  while (!stopped_) {
    const Happening happening = Attend(kNow);
    if (happening == Happening::kNothing) return false;
    if (happening != Happening::kInput) continue;
    for (const char key : terminal_.TakeAll()) {
      if (key == kToggleKey) {
        view_.Toggle();
      } else {
        typed_ += key;
      }
    }
  }
  return true;
}

bool ChatSession::Allow(const CommandTool& tool, const ToolCall& call) {
  const std::string& name = tool.tool.name;
  screen_.Line(fmt::format("{} {}", call.recipient, call.arguments), Style::kTool);
  if (options_.yes_to_tools || allowed_.contains(name)) return true;
  // What was typed before the question is no answer to it.
  if (Stop()) return false;
  const Consent consent =
      Ask(fmt::format("Run {}? y(es), n(o), a(lways this tool) ", ShownCommand(tool.command)));
  terminal_.ReadKeys();
  if (consent == Consent::kAlways) allowed_.insert(name);
  return consent != Consent::kNo;
}

Consent ChatSession::Ask(const std::string& question) {
  const bool capable = terminal_.capable();
  // A paste may have begun before the question.
  TypedLine line;
  for (const char key : typed_) line.Add(key);
  line.Clear();
  bool early = line.in_paste();
  bool show = true;
  while (!stopped_) {
    if (capable) {
      screen_.ShowLive(question + line.text(), Style::kUser, static_cast<size_t>(screen_.rows()));
    } else if (std::exchange(show, false)) {
      terminal_.ReadLines();  // which shows what is typed
      screen_.Line(question, Style::kUser);
    }
    const Happening happening = Attend(kForEver);
    show = happening == Happening::kContinue;
    if (happening != Happening::kInput) continue;
    while (const std::optional<char> key = terminal_.Take()) {
      if (*key == kEndKey && !line.in_paste()) {
        stopped_ = leave_ = true;
        break;
      }
      const bool entered = line.Add(*key);
      if (early) typed_ += *key;
      early = early && line.in_paste();
      if (!entered) continue;
      const std::optional<Consent> consent = ConsentFrom(line.text());
      if (capable) screen_.Line(question + line.text(), Style::kUser);
      if (consent) return *consent;
      Note("Please answer y, n or a, and Enter.");
      line.Clear();
      show = true;
    }
  }
  if (capable) screen_.Line(question + "no", Style::kUser);
  return Consent::kNo;
}

void ChatSession::Resized() {
  const Terminal::Size size = terminal_.size();
  screen_.Resize(terminal_.capable() ? size.columns : 0, size.rows);
}

void ChatSession::Obey(const CommandLine& line) {
  switch (line.command) {
    case ChatCommand::kHelp:
      return screen_.Line(CommandHelp(), Style::kPlain);
    case ChatCommand::kNew:
      dialogue_.Clear();
      last_.reset();
      return Note("A new conversation.");
    case ChatCommand::kRetry:
      return Retry();
    case ChatCommand::kEdit:
      return Edit();
    case ChatCommand::kEffort:
      return SetEffort(line.argument);
    case ChatCommand::kSystem:
      return SetText("system", dialogue_.setup().system, line.argument);
    case ChatCommand::kDeveloper:
      return SetText("developer", dialogue_.setup().developer, line.argument);
    case ChatCommand::kThink:
      return Think(line.argument);
    case ChatCommand::kTools:
      return Tools(line.argument);
    case ChatCommand::kSet:
      return Set(line.argument);
    case ChatCommand::kSave:
      return Save(line.argument);
    case ChatCommand::kLoad:
      return Load(line.argument);
    case ChatCommand::kStats:
      return Statistics();
    case ChatCommand::kExit:
      leave_ = true;
  }
}

void ChatSession::Retry() {
  if (dialogue_.turns() == 0) return Note("There is no message yet.");
  Dialogue before = dialogue_;
  dialogue_.ForgetAnswer();
  // The same seed would give the same answer.
  ++settings_.request.sampling.seed;
  const Status status = Answer(std::move(before), "The conversation is as it was.");
  if (!status) Complain(status.error());
}

void ChatSession::Edit() {
  const std::optional<std::string> question = dialogue_.LastQuestion();
  if (!question) return Note("There is no message yet.");
  initial_ = WithSpace(pastes_.Collapse(*question));
  editing_ = true;
}

void ChatSession::EndEditing() {
  if (std::exchange(editing_, false)) Note("(kept as it was)");
}

void ChatSession::SetEffort(const std::string& argument) {
  if (!argument.empty()) {
    const auto effort = EffortFromName(argument);
    if (!effort) {
      return screen_.Line(
          fmt::format("/effort: expected low, medium or high, got {}{}", Quoted(argument),
                      DidYouMean(argument, {"low", "medium", "high"})),
          Style::kError);
    }
    dialogue_.setup().effort = *effort;
  }
  Note(fmt::format("effort: {}", EffortName(dialogue_.setup().effort)));
}

void ChatSession::SetText(const char* name, std::optional<std::string>& text,
                          const std::string& argument) {
  if (argument == "off") {
    text.reset();
  } else if (!argument.empty()) {
    text = argument;
  }
  Note(fmt::format("{}: {}", name, text.value_or("(nothing of your own)")));
}

void ChatSession::Think(const std::string& argument) {
  if (argument.empty()) {
    const std::string reasoning = last_ ? last_->Reasoning() : "";
    if (reasoning.empty()) return Note("There is no thinking to show.");
    return screen_.Line(reasoning, Style::kThinking);
  }
  const auto mode = ThinkModeFromName(argument);
  if (!mode) {
    return screen_.Line(
        fmt::format("/think: expected show, fold or hide, got {}", Quoted(argument)),
        Style::kError);
  }
  view_.SetMode(*mode);
  Note(fmt::format("thinking: {}", argument));
}

void ChatSession::Tools(const std::string& argument) {
  std::vector<CommandTool>& tools = dialogue_.setup().tools;
  if (argument == "off") {
    tools.clear();
  } else if (!argument.empty()) {
    auto read = ReadToolFile(PathOf(argument));
    if (!read) return Complain(read.error());
    tools = std::move(*read);
  }
  if (!argument.empty()) allowed_.clear();
  if (tools.empty()) return Note("No tools.");
  for (const CommandTool& tool : tools) {
    Note(fmt::format("{}: {} (runs {})", tool.tool.name, tool.tool.description,
                     ShownCommand(tool.command)));
  }
}

void ChatSession::Set(const std::string& argument) {
  const size_t space = argument.find(' ');
  if (space != std::string::npos) {
    const std::string name = argument.substr(0, space);
    const std::vector<std::string> names = ChatSettingNames();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return screen_.Line(
          fmt::format("/set: there is no {}{}", Quoted(name), DidYouMean(name, names)),
          Style::kError);
    }
    auto value = ParseJson(argument.substr(space + 1), "chat", name);
    GenerateSettings changed = settings_;
    Status status = value ? ApplySettings({{name, *value}}, changed)
                          : Status(tl::unexpected(std::move(value).error()));
    if (status) status = CheckSettings(changed, answerer_.vocabulary_size());
    if (!status) return Complain(status.error());
    settings_ = std::move(changed);
  }
  const Json all = SettingsToJson(settings_);
  std::string text;
  for (const std::string& name : ChatSettingNames()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "\n", name, Shown(all[name]));
  }
  Note(text);
}

void ChatSession::Save(const std::string& argument) {
  const auto replaced = SaveChat(PathOf(argument), dialogue_, settings_);
  if (!replaced) return Complain(replaced.error());
  Note(fmt::format("Saved {} in {}{}.", Counted(static_cast<int64_t>(dialogue_.turns()), "message"),
                   argument, *replaced ? ", in place of what was there" : ""));
}

void ChatSession::Load(const std::string& argument) {
  auto chat = LoadChat(PathOf(argument), settings_, answerer_.vocabulary_size());
  if (!chat) return Complain(chat.error());
  const size_t tools = chat->tools;
  Adopt(std::move(*chat), dialogue_, settings_);
  last_.reset();
  Note(fmt::format("Loaded {}.", Counted(static_cast<int64_t>(dialogue_.turns()), "message")));
  if (tools > 0 && dialogue_.setup().tools.empty()) {
    Note(fmt::format("It had {}; /tools FILE loads them, no conversation does.",
                     Counted(static_cast<int64_t>(tools), "tool")));
  }
  ShowAgain();
}

// The last turn, as a reminder.
void ChatSession::ShowAgain() {
  const std::vector<Message>& messages = dialogue_.messages();
  size_t begin = messages.size();
  while (begin > 0 && messages[begin - 1].role != Role::kUser) --begin;
  if (begin == 0) return;
  screen_.Line(fmt::format("> {}", messages[begin - 1].Text()), Style::kUser);
  for (size_t i = begin; i < messages.size(); ++i) {
    if (messages[i].role == Role::kAssistant && IsText(messages[i])) {
      screen_.Line(messages[i].Text(), Style::kPlain);
    }
  }
  screen_.BlankLine();
}

void ChatSession::Statistics() {
  const auto prompt = answerer_.Render(dialogue_.Shown());
  const int64_t used = prompt ? static_cast<int64_t>(prompt->size()) : 0;
  Note(DescribeStatistics({.model = answerer_.model_name(),
                           .context = answerer_.context(),
                           .used = used,
                           .left_out = dialogue_.turns_left_out(),
                           .last = last_ ? &last_->last() : nullptr,
                           .run = answerer_.statistics()}));
}

}  // namespace fairlead
