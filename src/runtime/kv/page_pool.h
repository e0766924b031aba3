// The pages of one KV group and what each of them is good for: free (nothing worth keeping in it),
// cached (nobody holds it, its text may be found again) or held by one or more sequences.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

namespace fairlead {

// Every operation takes constant time.
class PagePool {
 public:
  static constexpr int32_t kNone = -1;

  explicit PagePool(int pages);

  int total() const { return static_cast<int>(pages_.size()); }
  int free() const { return static_cast<int>(free_.size()); }
  int cached() const { return lists_[0].size + lists_[1].size; }
  // Pages that a sequence can be given.
  int room() const { return free() + cached(); }
  int64_t evictions() const { return evictions_; }

  struct Taken {
    int32_t page = kNone;
    int32_t node = kNone;  // the text it was cached for until now
  };
  // Gives `holder` a free page, else the cached one that is worth least. There must be room().
  Taken Take(int holder);
  // One more holder.
  void Hold(int32_t page, int holder);
  // One less; a page that nobody holds any more is cached if it was published, else free.
  void Drop(int32_t page, int holder);

  int holders(int32_t page) const { return At(page).holders; }
  // The one holder of a page that has one.
  int only_holder(int32_t page) const { return static_cast<int>(At(page).holder_sum); }

  // The text that a page was published under, or kNone.
  int32_t node(int32_t page) const { return At(page).node; }
  void Publish(int32_t page, int32_t node) { At(page).node = node; }
  void Unpublish(int32_t page);
  // Among cached pages, an anchor goes only after all others.
  void MakeAnchor(int32_t page);

  // kInternal unless every page is in the one list where it belongs; `holders` and `holder_sums`
  // (the sum of the holders' numbers) are by page.
  Status Check(std::span<const int> holders, std::span<const int64_t> holder_sums) const;

 private:
  struct Page {
    int32_t node = kNone;
    int holders = 0;
    // Enough to name the holder when there is one, which is all that anybody asks for.
    int64_t holder_sum = 0;
    bool anchor = false;
    int32_t previous = kNone;  // in its list of cached pages
    int32_t next = kNone;
  };
  // Cached pages, the one to go first in front.
  struct List {
    int32_t first = kNone;
    int32_t last = kNone;
    int size = 0;
  };

  Page& At(int32_t page) { return pages_[static_cast<size_t>(page)]; }
  const Page& At(int32_t page) const { return pages_[static_cast<size_t>(page)]; }
  bool IsCached(const Page& page) const { return page.holders == 0 && page.node != kNone; }
  void Append(int32_t page);
  void Unlink(int32_t page);
  // Nothing in it is worth keeping.
  void Clear(int32_t page);

  std::vector<Page> pages_;
  std::vector<int32_t> free_;
  std::array<List, 2> lists_;  // [anchor]
  int64_t evictions_ = 0;
};

}  // namespace fairlead
