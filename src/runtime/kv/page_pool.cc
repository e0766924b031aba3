#include "runtime/kv/page_pool.h"

namespace fairlead {

PagePool::PagePool(int pages) : pages_(static_cast<size_t>(pages)) {
  // Handed out from the back: low page numbers first, so that untouched memory stays untouched.
  free_.reserve(pages_.size());
  for (int32_t page = pages - 1; page >= 0; --page) free_.push_back(page);
}

void PagePool::Append(int32_t page) {
  Page& entry = At(page);
  List& list = lists_[entry.anchor ? 1 : 0];
  entry.previous = list.last;
  entry.next = kNone;
  (list.last == kNone ? list.first : At(list.last).next) = page;
  list.last = page;
  ++list.size;
}

void PagePool::Unlink(int32_t page) {
  const Page& entry = At(page);
  List& list = lists_[entry.anchor ? 1 : 0];
  (entry.previous == kNone ? list.first : At(entry.previous).next) = entry.next;
  (entry.next == kNone ? list.last : At(entry.next).previous) = entry.previous;
  --list.size;
}

void PagePool::Clear(int32_t page) {
  At(page) = {};
  free_.push_back(page);
}

PagePool::Taken PagePool::Take(int holder) {
  Taken taken;
  if (free_.empty()) {
    taken.page = lists_[lists_[0].size > 0 ? 0 : 1].first;
    taken.node = At(taken.page).node;
    Unlink(taken.page);
    Clear(taken.page);
    ++evictions_;
  }
  taken.page = free_.back();
  free_.pop_back();
  At(taken.page).holders = 1;
  At(taken.page).holder_sum = holder;
  return taken;
}

void PagePool::Hold(int32_t page, int holder) {
  Page& entry = At(page);
  if (entry.holders == 0) Unlink(page);
  ++entry.holders;
  entry.holder_sum += holder;
}

void PagePool::Drop(int32_t page, int holder) {
  Page& entry = At(page);
  --entry.holders;
  entry.holder_sum -= holder;
  if (entry.holders > 0) return;
  if (entry.node == kNone) {
    Clear(page);
  } else {
    Append(page);
  }
}

void PagePool::Unpublish(int32_t page) {
  Page& entry = At(page);
  if (IsCached(entry)) {
    Unlink(page);
    Clear(page);
    return;
  }
  entry.node = kNone;
  entry.anchor = false;
}

void PagePool::MakeAnchor(int32_t page) {
  Page& entry = At(page);
  const bool cached = IsCached(entry);
  if (cached) Unlink(page);
  entry.anchor = true;
  if (cached) Append(page);
}

Status PagePool::Check(std::span<const int> holders, std::span<const int64_t> holder_sums) const {
  const auto broken = [](size_t page, std::string_view what, int64_t expected, int64_t found) {
    return Fail(ErrorCode::kInternal, "kv", "page {}: {}: expected {}, got {}", page, what,
                expected, found);
  };
  std::vector<int> places(pages_.size());
  for (int32_t page : free_) {
    ++places[static_cast<size_t>(page)];
    if (At(page).node != kNone || At(page).anchor) {
      return broken(static_cast<size_t>(page), "text of a free page", kNone, At(page).node);
    }
  }
  for (size_t anchor = 0; anchor < lists_.size(); ++anchor) {
    int32_t previous = kNone;
    int size = 0;
    for (int32_t page = lists_[anchor].first; page != kNone && size <= total();
         page = At(page).next) {
      const Page& entry = At(page);
      ++places[static_cast<size_t>(page)];
      ++size;
      if (!IsCached(entry) || entry.anchor != (anchor == 1) || entry.previous != previous) {
        return broken(static_cast<size_t>(page), "place among cached pages", previous,
                      entry.previous);
      }
      previous = page;
    }
    if (size != lists_[anchor].size || previous != lists_[anchor].last) {
      return broken(anchor, "length of the list", lists_[anchor].size, size);
    }
  }
  for (size_t page = 0; page < pages_.size(); ++page) {
    const Page& entry = pages_[page];
    if (entry.holders != holders[page]) {
      return broken(page, "holders", holders[page], entry.holders);
    }
    if (entry.holder_sum != holder_sums[page]) {
      return broken(page, "sum of holders", holder_sums[page], entry.holder_sum);
    }
    if (places[page] != (entry.holders == 0 ? 1 : 0)) {
      return broken(page, "lists it is in", entry.holders == 0 ? 1 : 0, places[page]);
    }
  }
  return {};
}

}  // namespace fairlead
