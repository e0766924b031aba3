// What a terminal shows of answers that come in pieces.
#include "cli/chat/screen.h"

#include <gtest/gtest.h>

#include <random>

#include "cli/chat/display_text.h"
#include "tests/chat/cli/vt_screen.h"

namespace fairlead {
namespace {

class ScreenTest : public ::testing::Test {
 protected:
  ScreenTest() { UseUtf8Characters(); }

  void Open(int columns, int rows = 24) {
    terminal_.emplace(columns, rows);
    screen_.emplace(ScreenOptions{.color = true, .moves = true, .columns = columns, .rows = rows},
                    [this](std::string_view text) {
                      sent_ += text;
                      terminal_->Feed(text);
                    });
  }
  Screen& screen() { return *screen_; }
  VtScreen& terminal() { return *terminal_; }
  std::vector<std::string> Lines() const { return terminal_->Lines(); }

  std::string sent_;
  std::optional<VtScreen> terminal_;
  std::optional<Screen> screen_;
};

using Rows = std::vector<std::string>;

TEST_F(ScreenTest, WordsThatDoNotFitMoveToTheNextRowEvenWhenTheyComeInPieces) {
  Open(12);
  for (const char* piece : {"The qu", "ick bro", "wn fo", "x jum", "ps"}) {
    screen().Write(piece, Style::kPlain);
  }
  EXPECT_EQ(Lines(), (Rows{"The quick", "brown fox", "jumps"}));
}

TEST_F(ScreenTest, ALineBreakOfTwoCharactersMayComeInPieces) {
  Open(20);
  for (const char* piece : {"one\r", "\ntwo", "\r", "\n", "thr\r", "ee\r"}) {
    screen().Write(piece, Style::kPlain);
  }
  screen().EndLine();
  screen().Write("\r", Style::kThinking);
  screen().Write("\nfour", Style::kThinking);
  EXPECT_EQ(Lines(), (Rows{"one", "two", "thr^Mee", "│", "│ four"}));
}

TEST_F(ScreenTest, AnyPiecesGiveTheRowsOfTheWholeText) {
  const std::string text =
      "Grüße aus 東京都 und 京都: 日本語の文章は空白がない。 Averyveryverylongwordthatfitsnowhere, "
      "then\ttabs\nand  two spaces.\n\nA new paragraph 🎉🎉 e\u0301nd";
  std::mt19937 random(7);
  for (int columns : {6, 10, 20, 37, 200}) {
    Open(columns);
    const Rows expected = WrapText(text, columns - 1);
    size_t at = 0;
    while (at < text.size()) {
      size_t end = std::min(text.size(), at + 1 + random() % 7);
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) ++end;
      screen().Write(text.substr(at, end - at), Style::kPlain);
      at = end;
    }
    Rows shown = Lines();
    ASSERT_EQ(shown.size(), expected.size()) << columns;
    for (size_t i = 0; i < shown.size(); ++i) {
      std::string row = expected[i];
      while (row.ends_with(' ')) row.pop_back();
      EXPECT_EQ(shown[i], row) << columns;
    }
    EXPECT_TRUE(terminal().unknown().empty());
  }
}

TEST_F(ScreenTest, NothingThatAModelWritesReachesTheTerminalAsAControl) {
  Open(80);
  screen().Write(
      "a\x1b]0;title\x07"
      "b\x1b[2Jc\u009b1md\r\ne\rf\u202Eg\x7f\xff",
      Style::kPlain);
  EXPECT_EQ(Lines(), (Rows{"a^[]0;title^Gb^[[2Jc<U+009B>1md", "e^Mf<U+202E>g^?\uFFFD"}));
  EXPECT_EQ(sent_.find('\x1b'), std::string::npos);
  screen().ShowLive("\x1b[2J", Style::kPlain, 1);
  screen().Line("\x1b[2J", Style::kPlain);
  EXPECT_EQ(sent_.find("\x1b[2J"), std::string::npos);
}

TEST_F(ScreenTest, ThinkingGoesByInAFewRowsAndLeavesNothing) {
  Open(20);
  screen().Line("question", Style::kUser);
  std::string thinking;
  for (int i = 0; i < 100; ++i) {
    thinking += "word" + std::to_string(i) + " ";
    screen().ShowLive(thinking, Style::kThinking, 3);
    EXPECT_LE(Lines().size(), 4u);
  }
  EXPECT_NE(terminal().Text().find("│ word99"), std::string::npos) << terminal().Text();
  screen().HideLive();
  screen().Line("thought for 100 tokens", Style::kNote);
  screen().Write("answer", Style::kPlain);
  EXPECT_EQ(Lines(), (Rows{"question", "thought for 100", "tokens", "answer"}));
}

TEST_F(ScreenTest, ANewStyleBeginsALine) {
  Open(40);
  screen().Write("thinking", Style::kThinking);
  screen().Write(" more", Style::kThinking);
  screen().Write("answer", Style::kPlain);
  EXPECT_EQ(Lines(), (Rows{"│ thinking more", "answer"}));
}

TEST_F(ScreenTest, ATerminalThatBecomesNarrowerLosesNothingThatComesAfter) {
  Open(40);
  screen().Line("before", Style::kPlain);
  screen().Write("A line of thirty characters or ", Style::kPlain);
  terminal().Resize(20, 24);
  screen().Resize(20, 24);
  screen().Write("so, and what comes after it.", Style::kPlain);
  EXPECT_EQ(Lines(), (Rows{"before", "A line of thirty cha", "so, and what comes", "after it."}));
  terminal().Resize(60, 24);
  screen().Resize(60, 24);
  screen().Write(" More of it in one row.", Style::kPlain);
  EXPECT_EQ(Lines().back(), "after it. More of it in one row.");
}

TEST_F(ScreenTest, ResizingWhileThinkingGoesByErasesNothingElse) {
  Open(40);
  screen().Line("a question that stays where it is", Style::kUser);
  screen().ShowLive("thinking in a row that is long", Style::kThinking, 3);
  terminal().Resize(20, 24);
  screen().Resize(20, 24);
  screen().ShowLive("thinking in a row that is longer now", Style::kThinking, 3);
  screen().HideLive();
  screen().Write("answer", Style::kPlain);
  EXPECT_EQ(Lines().front(), "a question that stay");
  EXPECT_EQ(Lines().back(), "answer");
}

TEST_F(ScreenTest, WithoutColourThereIsNone) {
  terminal_.emplace(40, 24);
  screen_.emplace(ScreenOptions{.moves = true, .columns = 40},
                  [this](std::string_view text) { sent_ += text; });
  screen().Write("thinking", Style::kThinking);
  screen().Line("error", Style::kError);
  EXPECT_EQ(sent_, "│ thinking\nerror\n");
}

TEST_F(ScreenTest, ADumbTerminalIsSentTextAlone) {
  screen_.emplace(ScreenOptions{.columns = 0}, [this](std::string_view text) { sent_ += text; });
  screen().ShowLive("thinking", Style::kThinking, 3);
  for (int i = 0; i < 40; ++i) screen().Write("word ", Style::kPlain);
  screen().HideLive();
  screen().EndLine();
  EXPECT_EQ(sent_.find('\x1b'), std::string::npos);
  EXPECT_EQ(std::count(sent_.begin(), sent_.end(), '\n'), 1);
}

TEST_F(ScreenTest, AnAnswerIntoAFileIsExact) {
  screen_.emplace(ScreenOptions{.raw = true}, [this](std::string_view text) { sent_ += text; });
  screen().Write("tab\t\x1b[1m two  ", Style::kPlain);
  screen().Write("end\n", Style::kPlain);
  screen().EndLine();
  EXPECT_EQ(sent_, "tab\t\x1b[1m two  end\n");
}

TEST(DisplayText, ARowIsCutBehindWhatFits) {
  UseUtf8Characters();
  EXPECT_EQ(VisibleRow("short", 5), "short");
  EXPECT_EQ(VisibleRow("longer text", 6), "longe…");
  EXPECT_EQ(VisibleRow("日本語", 4), "日…");
  EXPECT_EQ(VisibleRow("a\nb", 9), "a b");
}

}  // namespace
}  // namespace fairlead
