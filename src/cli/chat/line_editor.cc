#include "cli/chat/line_editor.h"

#include <fmt/format.h>
#include <histedit.h>

#include <csignal>
#include <cwchar>
#include <utility>

#include "cli/chat/display_text.h"

namespace fairlead {
namespace {

using Happening = Terminal::Happening;

constexpr std::chrono::milliseconds kForEver{-1};
// A paste whose end does not come.
constexpr std::chrono::milliseconds kPasteLimit{5000};
constexpr std::string_view kPasteEnd = "\x1b[201~";
constexpr wchar_t kInterruptKey = 3;  // Ctrl-C
constexpr int kHistoryLines = 1000;
constexpr char kUnseen = '\1';  // around what takes no columns in a prompt

class LibeditEditor : public LineEditor {
 public:
  LibeditEditor(Terminal& terminal, Pastes& pastes, LineKeys keys, bool color)
      : terminal_(terminal), pastes_(pastes), keys_(std::move(keys)), color_(color) {}
  ~LibeditEditor() override {
    if (edit_ != nullptr) ::el_end(edit_);
    if (history_ != nullptr) ::history_end(history_);
  }
  LibeditEditor(const LibeditEditor&) = delete;
  LibeditEditor& operator=(const LibeditEditor&) = delete;

  Status Init();
  EditedLine Read(const std::string& prompt, const std::string& initial) override;
  void Remember(const std::string& line) override {
    HistEvent event{};
    ::history(history_, &event, H_ENTER, line.c_str());
  }

 private:
  using Function = unsigned char (*)(EditLine*, int);

  static LibeditEditor& Self(EditLine* edit) {
    void* self = nullptr;
    ::el_get(edit, EL_CLIENTDATA, &self);
    return *static_cast<LibeditEditor*>(self);
  }
  static char* Prompt(EditLine* edit) { return Self(edit).prompt_.data(); }
  static int NextCharacter(EditLine* edit, wchar_t* character) {
    return Self(edit).Next(*character);
  }
  static unsigned char Paste(EditLine* edit, int key);
  static unsigned char BreakLine(EditLine* edit, int key);
  static unsigned char Interrupt(EditLine* edit, int key);
  static unsigned char Toggle(EditLine* edit, int key);
  static unsigned char Suspend(EditLine* edit, int key);

  void Bind(const char* key, const char* name, const char* help, Function function);
  void Bind(const char* key, const char* name) {
    ::el_set(edit_, EL_BIND, key, name, static_cast<const char*>(nullptr));
  }
  // 1 with a character, 0 at the end, -1 never.
  int Next(wchar_t& character);
  // After kResize and kContinue.
  void Attend(Happening happening);
  // Shows the line again, below what was written to the terminal by others.
  void ShowAgain() { ::el_set(edit_, EL_REFRESH); }

  Terminal& terminal_;
  Pastes& pastes_;
  LineKeys keys_;
  const bool color_;
  EditLine* edit_ = nullptr;
  History* history_ = nullptr;
  std::string prompt_;
  std::string initial_;  // for the line that is about to be read
  bool interrupted_ = false;
  std::mbstate_t decoding_{};
};

void LibeditEditor::Bind(const char* key, const char* name, const char* help, Function function) {
  ::el_set(edit_, EL_ADDFN, name, help, function);
  Bind(key, name);
}

Status LibeditEditor::Init() {
  edit_ = ::el_init("fairlead", stdin, stdout, stderr);
  history_ = ::history_init();
  if (edit_ == nullptr || history_ == nullptr) {
    return Fail(ErrorCode::kInternal, "chat", "libedit: expected to begin, got a refusal");
  }
  HistEvent event{};
  ::history(history_, &event, H_SETSIZE, kHistoryLines);
  ::history(history_, &event, H_SETUNIQUE, 1);
  ::el_set(edit_, EL_CLIENTDATA, this);
  ::el_set(edit_, EL_PROMPT_ESC, Prompt, kUnseen);
  ::el_set(edit_, EL_SIGNAL, 0);
  ::el_set(edit_, EL_HIST, ::history, history_);
  ::el_set(edit_, EL_EDITOR, "emacs");
  ::el_source(edit_, nullptr);  // the user's own ~/.editrc
  // Ctrl-C is a key here: inside of a paste it is none.
  ::el_set(edit_, EL_SETTY, "-d", "-isig", static_cast<const char*>(nullptr));
  ::el_set(edit_, EL_GETCFN, NextCharacter);
  Bind("^R", "em-inc-search-prev");
  Bind("\\e[1;5D", "ed-prev-word");
  Bind("\\e[1;5C", "em-next-word");
  Bind("\\e[3~", "ed-delete-next-char");
  Bind("^C", "chat-interrupt", "Leave the line", Interrupt);
  Bind("^Z", "chat-suspend", "Stop the program", Suspend);
  Bind("\\e[200~", "chat-paste", "Insert what is pasted", Paste);
  Bind("\\e^M", "chat-break", "Insert a line break", BreakLine);
  Bind("\\e^J", "chat-break");
  Bind("^O", "chat-toggle", "Show or hide the reasoning", Toggle);
  return {};
}

int LibeditEditor::Next(wchar_t& character) {
  // Text and no keys: it may be anything. Before the first key, as libedit begins with nothing.
  if (!initial_.empty()) {
    ::el_insertstr(edit_, std::exchange(initial_, "").c_str());
    terminal_.Write("\r\x1b[J");
    ShowAgain();
  }
  while (true) {
    while (const std::optional<char> byte = terminal_.Take()) {
      const size_t result = std::mbrtowc(&character, &*byte, 1, &decoding_);
      if (result == static_cast<size_t>(-2)) continue;  // the character has further bytes
      if (result == static_cast<size_t>(-1)) {
        decoding_ = {};
        character = L'\uFFFD';
      }
      return 1;
    }
    const Happening happening = terminal_.Wait(kForEver);
    if (happening == Happening::kEnd) return 0;
    if (happening == Happening::kInterrupt) {
      character = kInterruptKey;
      return 1;
    }
    Attend(happening);
  }
}

void LibeditEditor::Attend(Happening happening) {
  if (happening == Happening::kResize) {
    if (keys_.resized) keys_.resized();
    ::el_resize(edit_);
  } else if (happening == Happening::kContinue) {
    ::el_set(edit_, EL_PREP_TERM, 0);
    ::el_set(edit_, EL_PREP_TERM, 1);
  } else {
    return;
  }
  terminal_.Write("\r\x1b[J");
  ShowAgain();
}

unsigned char LibeditEditor::Paste(EditLine* edit, int /*key*/) {
  LibeditEditor& self = Self(edit);
  std::string pasted;
  while (!pasted.ends_with(kPasteEnd)) {
    if (const std::optional<char> byte = self.terminal_.Take()) {
      pasted += *byte;
      continue;
    }
    const Happening happening = self.terminal_.Wait(kPasteLimit);
    if (happening == Happening::kEnd) return CC_NORM;
    if (happening == Happening::kNothing) break;
    self.Attend(happening);
  }
  if (pasted.ends_with(kPasteEnd)) pasted.resize(pasted.size() - kPasteEnd.size());
  const std::string shown = self.pastes_.Show(pasted);
  if (!shown.empty() && ::el_insertstr(edit, shown.c_str()) != 0) return CC_ERROR;
  return CC_REFRESH;
}

unsigned char LibeditEditor::BreakLine(EditLine* edit, int /*key*/) {
  return ::el_insertstr(edit, kLineMark.data()) == 0 ? CC_REFRESH : CC_ERROR;
}

unsigned char LibeditEditor::Interrupt(EditLine* edit, int /*key*/) {
  Self(edit).interrupted_ = true;
  return CC_NEWLINE;
}

unsigned char LibeditEditor::Toggle(EditLine* edit, int /*key*/) {
  LibeditEditor& self = Self(edit);
  if (self.keys_.toggle) {
    self.terminal_.Write("\r\x1b[J");
    self.keys_.toggle();
    self.ShowAgain();
  }
  return CC_NORM;
}

// As the terminal does it where Ctrl-Z is no key: for all that was started together.
unsigned char LibeditEditor::Suspend(EditLine* edit, int /*key*/) {
  ::el_set(edit, EL_PREP_TERM, 0);
  ::kill(0, SIGTSTP);
  ::el_set(edit, EL_PREP_TERM, 1);
  return CC_NORM;
}

EditedLine LibeditEditor::Read(const std::string& prompt, const std::string& initial) {
  // libedit shows the prompt before it asks for keys: what is typed then must not be shown twice.
  terminal_.ReadKeys();
  // libedit keeps an unseen part only with a character behind it: the space that ends the prompt.
  const std::string_view mark = std::string_view(prompt).substr(0, prompt.size() - 1);
  prompt_ = color_ ? fmt::format("{0}\x1b[1;36m{0}{1}{0}\x1b[0m{0} ", kUnseen, mark) : prompt;
  interrupted_ = false;
  decoding_ = {};
  initial_ = initial;
  int count = 0;
  const char* const line = ::el_gets(edit_, &count);
  terminal_.ReadKeys();
  if (!interrupted_ && (line == nullptr || count <= 0)) {
    terminal_.Write("\n");
    return {EditedLine::End::kEnd, ""};
  }
  std::string text = line == nullptr ? "" : line;
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return {interrupted_ ? EditedLine::End::kInterrupt : EditedLine::End::kLine, std::move(text)};
}

class PlainEditor : public LineEditor {
 public:
  explicit PlainEditor(Terminal& terminal) : terminal_(terminal) {}

  EditedLine Read(const std::string& prompt, const std::string& initial) override;
  void Remember(const std::string& /*line*/) override {}

 private:
  Terminal& terminal_;
};

EditedLine PlainEditor::Read(const std::string& prompt, const std::string& initial) {
  terminal_.ReadLines();
  terminal_.Write(prompt);
  // There is no line to put it in; what is sent as it is needs nothing more than Enter.
  if (!initial.empty()) terminal_.Write(VisibleText(initial) + "\n" + prompt);
  std::string line;
  while (true) {
    while (const std::optional<char> byte = terminal_.Take()) {
      if (*byte == '\n') {
        return {EditedLine::End::kLine, line.empty() ? initial : line};
      }
      line += *byte;
    }
    const Happening happening = terminal_.Wait(kForEver);
    if (happening == Happening::kInterrupt || happening == Happening::kEnd) {
      terminal_.Write("\n");
      const bool end = happening == Happening::kEnd;
      return {end ? EditedLine::End::kEnd : EditedLine::End::kInterrupt, std::move(line)};
    }
  }
}

}  // namespace

Result<std::unique_ptr<LineEditor>> CreateLineEditor(Terminal& terminal, Pastes& pastes,
                                                     LineKeys keys, bool color) {
  if (!terminal.capable()) return std::make_unique<PlainEditor>(terminal);
  auto editor = std::make_unique<LibeditEditor>(terminal, pastes, std::move(keys), color);
  FAIRLEAD_RETURN_IF_ERROR(editor->Init());
  return editor;
}

}  // namespace fairlead
