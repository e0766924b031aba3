// The text of an answer as its tokens come, up to the first stop string.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace fairlead {

// Finds the first of several strings in a text that comes in pieces. Of strings that are found at
// the same piece the one that begins first counts, and of those that begin together the shortest.
// The automaton of Aho and Corasick (1975): time is linear in the text, however many and long the
// strings are.
class StopMatcher {
 public:
  // None of `stops` is empty.
  explicit StopMatcher(std::vector<std::string> stops);

  // The text that is now known to be no part of a stop string. After a match: the text before it.
  std::string Push(std::string_view piece);
  // At the end of the text: what was held back.
  std::string Flush();
  // The stop string that was found; nothing may be pushed after it.
  const std::optional<std::string>& found() const { return found_; }

 private:
  // A beginning of a stop string, the empty one first.
  struct Node {
    uint32_t stop = 0;      // a stop string that begins so
    uint32_t depth = 0;     // its length
    uint32_t shorter = 0;   // the node of its longest end that is a beginning, too
    uint32_t complete = 0;  // 1 + the longest stop string that it ends with; 0 for none
  };

  void AddToTree(uint32_t stop);
  void LinkShorter();
  std::optional<uint32_t> Child(uint32_t node, char byte) const;
  uint32_t Next(uint32_t node, char byte) const;
  // What was pushed but not given out: the text of the current node.
  std::string_view Held() const;

  std::vector<std::string> stops_;
  std::vector<Node> nodes_ = {Node{}};
  std::unordered_map<uint64_t, uint32_t> children_;  // by the node's number and the next byte
  uint32_t current_ = 0;  // the longest end of the text that begins a stop string
  std::optional<std::string> found_;
};

// Tokens in, safe text out.
class TextStream {
 public:
  TextStream(Tokenizer::Pointer tokenizer, std::vector<std::string> stops)
      : decoder_(std::move(tokenizer)), matcher_(std::move(stops)) {}

  // The text that is safe to show now. A model's vocabulary may be larger than its tokenizer's:
  // what has no text is shown as U+FFFD. Where the text may not stop, no stop string begins.
  std::string Push(int32_t token, bool may_stop = true);
  // At the end: what is left, U+FFFD for a character cut short. May complete a stop string.
  std::string Finish();
  // The one that was found; no token may be pushed after it.
  const std::optional<std::string>& stop_string() const { return matcher_.found(); }

 private:
  StreamDecoder decoder_;
  StopMatcher matcher_;
};

}  // namespace fairlead
