#include "runtime/kv/page_runs.h"

#include <algorithm>
#include <utility>

#include "backends/step_plan.h"

namespace fairlead {
namespace {

// Pages that `positions` neighbours can touch at most, wherever the first of them lies.
int PagesTouched(int64_t positions) {
  return static_cast<int>((positions + kPageTokens - 2) / kPageTokens + 1);
}

}  // namespace

int PagesFor(int64_t positions) {
  return static_cast<int>((positions + kPageTokens - 1) / kPageTokens);
}

int MostWindowPages(const KvGroup& group, int length, int max_rows) {
  return std::min(PagesFor(length), PagesTouched(int64_t{group.window} + max_rows));
}

int FirstVisiblePage(const KvGroup& group, int length) {
  return FirstVisible(group, length) / kPageTokens;
}

PageRuns::PageRuns(KvGroup facts, int pages, int slots, int max_rows)
    : facts_(std::move(facts)),
      max_rows_(max_rows),
      pool_(pages),
      runs_(static_cast<size_t>(slots)) {}

int PageRuns::MostPages(int length) const {
  return full() ? PagesFor(length) : MostWindowPages(facts_, length, max_rows_);
}

int PageRuns::Owed(const Run& run) const {
  return std::max(0, run.promised - (full() ? run.held() : run.own));
}

void PageRuns::ChangeOwn(int slot, int by) {
  Run& run = At(slot);
  owed_ -= Owed(run);
  run.own += by;
  owed_ += Owed(run);
}

void PageRuns::Hold(int slot, int32_t page) {
  const int before = pool_.holders(page);
  if (before == 1) ChangeOwn(pool_.only_holder(page), -1);
  pool_.Hold(page, slot);
  if (before == 0) ChangeOwn(slot, 1);
}

void PageRuns::Drop(int slot, int32_t page) {
  const int before = pool_.holders(page);
  if (before == 1) ChangeOwn(slot, -1);
  pool_.Drop(page, slot);
  if (before == 2) ChangeOwn(pool_.only_holder(page), 1);
}

Status PageRuns::CheckStart(int length, std::span<const int32_t> shared) const {
  int needed = MostPages(length);
  for (int32_t page : shared) {
    const int holders = pool_.holders(page);
    // Cached pages are taken from the room like any others.
    if (full() && holders > 0) --needed;
    if (!full() && holders == 1) ++needed;
  }
  if (needed <= available()) return {};
  return Fail(ErrorCode::kResourceExhausted, "kv", "group {}: expected {} free pages, got {}",
              facts_.name, needed, available());
}

void PageRuns::Start(int slot, int first_page, std::span<const int32_t> shared, int length) {
  Run& run = At(slot);
  run.first_page = first_page;
  run.promised = MostPages(length);
  run.pages.assign(shared.begin(), shared.end());
  owed_ += Owed(run);
  for (int32_t page : shared) Hold(slot, page);
}

void PageRuns::End(int slot) {
  CutBack(slot, At(slot).first_page);
  owed_ -= Owed(At(slot));
  At(slot) = {};
}

Status PageRuns::CheckExtend(int slot, int end_page) const {
  const Run& run = At(slot);
  const int needed = end_page - run.end_page();
  const int room = available() + Owed(run);
  if (needed <= room) return {};
  return Fail(ErrorCode::kResourceExhausted, "kv", "group {}: expected {} free pages, got {}",
              facts_.name, needed, room);
}

void PageRuns::Extend(int slot, int end_page, std::vector<int32_t>& evicted) {
  Run& run = At(slot);
  owed_ -= Owed(run);
  while (run.end_page() < end_page) {
    const PagePool::Taken taken = pool_.Take(slot);
    run.pages.push_back(taken.page);
    ++run.own;
    if (taken.node != PagePool::kNone) evicted.push_back(taken.node);
  }
  owed_ += Owed(run);
}

void PageRuns::CutBack(int slot, int end_page) {
  Run& run = At(slot);
  while (run.end_page() > end_page) {
    const int32_t page = run.pages.back();
    owed_ -= Owed(run);
    run.pages.pop_back();
    if (full() && pool_.holders(page) > 1) --run.promised;
    owed_ += Owed(run);
    Drop(slot, page);
  }
}

void PageRuns::CutFront(int slot, int first_page) {
  Run& run = At(slot);
  const int count = first_page - run.first_page;
  if (count <= 0) return;
  for (int i = 0; i < count; ++i) Drop(slot, run.pages[static_cast<size_t>(i)]);
  owed_ -= Owed(run);
  run.pages.erase(run.pages.begin(), run.pages.begin() + count);
  run.first_page = first_page;
  owed_ += Owed(run);
}

void PageRuns::Swap(int slot, int page_of_text, int32_t page) {
  int32_t& place = At(slot).pages[static_cast<size_t>(page_of_text - At(slot).first_page)];
  const int32_t own = std::exchange(place, page);
  Hold(slot, page);
  Drop(slot, own);
}

std::span<const int32_t> PageRuns::Pages(int slot, int from, int to) const {
  const Run& run = At(slot);
  return std::span(run.pages).subspan(static_cast<size_t>(from - run.first_page),
                                      static_cast<size_t>(to - from));
}

Status PageRuns::Check() const {
  std::vector<int> holders(static_cast<size_t>(pool_.total()));
  std::vector<int64_t> sums(holders.size());
  for (size_t slot = 0; slot < runs_.size(); ++slot) {
    for (int32_t page : runs_[slot].pages) {
      ++holders[static_cast<size_t>(page)];
      sums[static_cast<size_t>(page)] += static_cast<int64_t>(slot);
    }
  }
  FAIRLEAD_RETURN_IF_ERROR(pool_.Check(holders, sums));
  const auto broken = [this](std::string_view what, int64_t expected, int64_t found) {
    return Fail(ErrorCode::kInternal, "kv", "group {}: {}: expected {}, got {}", facts_.name, what,
                expected, found);
  };
  int owed = 0;
  for (const Run& run : runs_) {
    owed += Owed(run);
    const auto own = std::count_if(run.pages.begin(), run.pages.end(), [&](int32_t page) {
      return holders[static_cast<size_t>(page)] == 1;
    });
    if (own != run.own) return broken("pages of one sequence alone", own, run.own);
  }
  if (owed != owed_) return broken("pages set aside", owed, owed_);
  if (available() < 0) return broken("pages available", 0, available());
  return {};
}

}  // namespace fairlead
