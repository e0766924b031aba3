// KvManager for executors that read page tables: every KV group is a pool of pages of kPageTokens
// positions, and a sequence holds a run of pages in each.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "config/model_facts.h"
#include "runtime/kv_manager.h"

namespace fairlead {

class PagedKv final : public KvManager {
 public:
  // Pools of `limits.kv_pages` pages. A group with a window keeps, of a sequence with `length`
  // committed tokens, the pages that hold positions from length - window on.
  PagedKv(const ModelFacts& facts, const Capabilities& limits);

  Result<int> Admit(int slot, std::span<const int32_t> prompt, int length) override;
  Status CheckFits(int length) const override;
  Status Reserve(int slot, int end) override;
  void FillPages(const Span& span, StepPlan& plan) const override;
  Status Commit(int slot, int length) override;
  Status Truncate(int slot, int length) override;
  Status Release(int slot) override;

  // Pages of a group that nobody holds (some may be set aside).
  int free_pages(size_t group) const { return static_cast<int>(groups_[group].free.size()); }
  // kInternal unless every page is free or held exactly once and all counts agree.
  Status CheckInvariants() const;

 private:
  // The pages a sequence holds in one group; they cover positions from first_page * kPageTokens on.
  struct Run {
    int first_page = 0;
    int promised = 0;  // pages it may hold at once without asking again
    std::vector<int32_t> pages;

    int held() const { return static_cast<int>(pages.size()); }
    int owed() const { return promised > held() ? promised - held() : 0; }
    int end_page() const { return first_page + held(); }
  };
  struct Sequence {
    bool live = false;
    int reserved = 0;
    int committed = 0;
    std::vector<Run> runs;  // one per group
  };
  struct Group {
    KvGroup facts;
    int pages = 0;
    int owed = 0;  // free pages set aside: the sum of the runs' owed()
    std::vector<int32_t> free;

    int available() const { return static_cast<int>(free.size()) - owed; }
  };

  Status CheckLive(int slot) const;
  // Pages that a sequence of `length` tokens holds at most at once in `group`.
  int MostPages(const Group& group, int length) const;
  // Takes pages at the end of a run, or gives back pages [from, to) of it.
  static void Take(Group& group, Run& run, int count);
  static void GiveBack(Group& group, Run& run, int from, int to);

  Capabilities limits_;
  std::vector<Group> groups_;
  std::vector<Sequence> sequences_;  // by slot
};

}  // namespace fairlead
