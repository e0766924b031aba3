// The pages that sequences hold in one KV group, and the room set aside for what they may still
// need. Sequences are named by slot; callers check what they ask for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "config/model_facts.h"
#include "runtime/kv/page_pool.h"

namespace fairlead {

// Pages that hold positions [0, positions).
int PagesFor(int64_t positions);

// Pages that a sequence of `length` tokens holds at most at once in a group with a window, when a
// step adds at most `max_rows`.
int MostWindowPages(const KvGroup& group, int length, int max_rows);

// Whole pages before position `length` that the next position sees begin at this one.
int FirstVisiblePage(const KvGroup& group, int length);

class PageRuns {
 public:
  // Steps add at most `max_rows` positions to a sequence.
  PageRuns(KvGroup facts, int pages, int slots, int max_rows);

  const KvGroup& facts() const { return facts_; }
  bool full() const { return facts_.window == 0; }
  PagePool& pool() { return pool_; }
  const PagePool& pool() const { return pool_; }

  // Pages that a sequence of `length` tokens holds at most at once.
  int MostPages(int length) const;

  // kResourceExhausted unless a sequence of `length` tokens that shares these pages has room.
  Status CheckStart(int length, std::span<const int32_t> shared) const;
  // Starts a run with these pages, the first of which holds page `first_page` of the text, and sets
  // room aside for `length` tokens.
  void Start(int slot, int first_page, std::span<const int32_t> shared, int length);
  // Drops the whole run.
  void End(int slot);

  // kResourceExhausted unless the run can reach `end_page`.
  Status CheckExtend(int slot, int end_page) const;
  // Takes pages up to `end_page`; appends the texts that were given up for them.
  void Extend(int slot, int end_page, std::vector<int32_t>& evicted);
  // Drops the pages from `end_page` on, deepest first, so that of a text the end is forgotten
  // before the beginning. Room that others keep is not set aside again.
  void CutBack(int slot, int end_page);
  // Drops the pages before `first_page`.
  void CutFront(int slot, int first_page);
  // Holds `page` instead of the run's own one, which is the same and held by nobody else.
  void Swap(int slot, int page_of_text, int32_t page);

  int first_page(int slot) const { return At(slot).first_page; }
  int end_page(int slot) const { return At(slot).end_page(); }
  // Pages [from, to) of the text; the run has them.
  std::span<const int32_t> Pages(int slot, int from, int to) const;
  int32_t page(int slot, int page_of_text) const {
    return Pages(slot, page_of_text, page_of_text + 1)[0];
  }

  // kInternal unless holders, room and the pool agree.
  Status Check() const;

 private:
  struct Run {
    int first_page = 0;
    int promised = 0;  // pages it may hold at once without asking again
    int own = 0;       // pages that nobody else holds
    std::vector<int32_t> pages;

    int held() const { return static_cast<int>(pages.size()); }
    int end_page() const { return first_page + held(); }
  };

  Run& At(int slot) { return runs_[static_cast<size_t>(slot)]; }
  const Run& At(int slot) const { return runs_[static_cast<size_t>(slot)]; }
  // Pages that the run may still take without asking. A full group's run keeps what it shares, so
  // that needs no room of its own. A window moves on from what it shares, and others may keep it.
  int Owed(const Run& run) const;
  // Pages that are nobody's and not set aside.
  int available() const { return pool_.room() - owed_; }
  void ChangeOwn(int slot, int by);
  void Hold(int slot, int32_t page);
  void Drop(int slot, int32_t page);

  KvGroup facts_;
  int max_rows_;
  PagePool pool_;
  std::vector<Run> runs_;  // by slot
  int owed_ = 0;           // the sum over all runs
};

}  // namespace fairlead
