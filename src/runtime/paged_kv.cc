#include "runtime/paged_kv.h"

#include <algorithm>

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "kv", format, std::forward<Args>(args)...);
}

// Pages that hold positions [0, positions).
int PagesFor(int64_t positions) {
  return static_cast<int>((positions + kPageTokens - 1) / kPageTokens);
}

// Pages that `positions` neighbours can touch at most, wherever the first of them lies.
int PagesTouched(int64_t positions) {
  return static_cast<int>((positions + kPageTokens - 2) / kPageTokens + 1);
}

}  // namespace

PagedKv::PagedKv(const ModelFacts& facts, const Capabilities& limits)
    : limits_(limits), sequences_(static_cast<size_t>(limits.max_slots)) {
  for (size_t g = 0; g < facts.kv_groups.size(); ++g) {
    Group group{facts.kv_groups[g], limits.kv_pages[g], 0, {}};
    // Handed out from the back: low page numbers first, so that untouched memory stays untouched.
    for (int32_t page = group.pages - 1; page >= 0; --page) group.free.push_back(page);
    groups_.push_back(std::move(group));
  }
}

Status PagedKv::CheckLive(int slot) const {
  if (slot < 0 || slot >= limits_.max_slots || !sequences_[static_cast<size_t>(slot)].live) {
    return Invalid("slot {}: expected a slot in use", slot);
  }
  return {};
}

int PagedKv::MostPages(const Group& group, int length) const {
  const int all = PagesFor(length);
  if (group.facts.window == 0) return all;
  return std::min(all, PagesTouched(int64_t{group.facts.window} + limits_.max_rows));
}

void PagedKv::Take(Group& group, Run& run, int count) {
  group.owed -= run.owed();
  run.pages.insert(run.pages.end(), group.free.rbegin(), group.free.rbegin() + count);
  group.free.erase(group.free.end() - count, group.free.end());
  group.owed += run.owed();
}

void PagedKv::GiveBack(Group& group, Run& run, int from, int to) {
  group.owed -= run.owed();
  group.free.insert(group.free.end(), run.pages.begin() + from, run.pages.begin() + to);
  run.pages.erase(run.pages.begin() + from, run.pages.begin() + to);
  group.owed += run.owed();
}

Status PagedKv::CheckFits(int length) const {
  for (const Group& group : groups_) {
    const int needed = MostPages(group, length);
    if (needed > group.pages) {
      return Fail(ErrorCode::kResourceExhausted, "kv",
                  "group {}: expected at most {} pages of {} tokens, got {} for a sequence of {}",
                  group.facts.name, group.pages, kPageTokens, needed, length);
    }
  }
  return {};
}

Result<int> PagedKv::Admit(int slot, std::span<const int32_t> prompt, int length) {
  if (slot < 0 || slot >= limits_.max_slots || sequences_[static_cast<size_t>(slot)].live) {
    return Invalid("slot {}: expected a free slot below {}", slot, limits_.max_slots);
  }
  if (length < static_cast<int64_t>(prompt.size()) || length > limits_.max_position) {
    return Invalid("length: expected {} to {}, got {}", prompt.size(), limits_.max_position,
                   length);
  }
  for (const Group& group : groups_) {
    const int needed = MostPages(group, length);
    if (needed > group.available()) {
      return Fail(ErrorCode::kResourceExhausted, "kv", "group {}: expected {} free pages, got {}",
                  group.facts.name, needed, group.available());
    }
  }
  Sequence& sequence = sequences_[static_cast<size_t>(slot)];
  sequence.live = true;
  for (Group& group : groups_) {
    sequence.runs.push_back({0, MostPages(group, length), {}});
    group.owed += sequence.runs.back().owed();
  }
  return 0;
}

Status PagedKv::Reserve(int slot, int end) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  if (end < 0 || end > limits_.max_position) {
    return Invalid("slot {}: expected a length of at most {}, got {}", slot, limits_.max_position,
                   end);
  }
  Sequence& sequence = sequences_[static_cast<size_t>(slot)];
  for (size_t g = 0; g < groups_.size(); ++g) {
    const Run& run = sequence.runs[g];
    const int needed = PagesFor(end) - run.end_page();
    if (needed > groups_[g].available() + run.owed()) {
      return Fail(ErrorCode::kResourceExhausted, "kv", "group {}: expected {} free pages, got {}",
                  groups_[g].facts.name, needed, groups_[g].available() + run.owed());
    }
  }
  for (size_t g = 0; g < groups_.size(); ++g) {
    Run& run = sequence.runs[g];
    Take(groups_[g], run, std::max(0, PagesFor(end) - run.end_page()));
  }
  sequence.reserved = std::max(sequence.reserved, end);
  return {};
}

void PagedKv::FillPages(const Span& span, StepPlan& plan) const {
  plan.pages.resize(groups_.size());
  const Sequence& sequence = sequences_[static_cast<size_t>(span.slot)];
  for (size_t g = 0; g < groups_.size(); ++g) {
    const Run& run = sequence.runs[g];
    PageTable& table = plan.pages[g];
    const int first = FirstVisible(groups_[g].facts, span.start_position) / kPageTokens;
    const int end = PagesFor(int64_t{span.start_position} + span.token_count);
    if (table.offsets.empty()) table.offsets.push_back(0);
    table.first_page.push_back(first);
    table.pages.insert(table.pages.end(), run.pages.begin() + (first - run.first_page),
                       run.pages.begin() + (end - run.first_page));
    table.offsets.push_back(static_cast<int32_t>(table.pages.size()));
  }
}

Status PagedKv::Commit(int slot, int length) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  Sequence& sequence = sequences_[static_cast<size_t>(slot)];
  if (length < sequence.committed || length > sequence.reserved) {
    return Invalid("slot {}: expected a length of {} to {}, got {}", slot, sequence.committed,
                   sequence.reserved, length);
  }
  sequence.committed = length;
  for (size_t g = 0; g < groups_.size(); ++g) {
    const int window = groups_[g].facts.window;
    if (window == 0 || length <= window) continue;
    Run& run = sequence.runs[g];
    const int passed = (length - window) / kPageTokens - run.first_page;
    if (passed <= 0) continue;
    GiveBack(groups_[g], run, 0, passed);
    run.first_page += passed;
  }
  return {};
}

Status PagedKv::Truncate(int slot, int length) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  Sequence& sequence = sequences_[static_cast<size_t>(slot)];
  if (length < 0 || length > sequence.reserved) {
    return Invalid("slot {}: expected a length of 0 to {}, got {}", slot, sequence.reserved,
                   length);
  }
  for (size_t g = 0; g < groups_.size(); ++g) {
    const int kept = sequence.runs[g].first_page * kPageTokens;
    if (kept > FirstVisible(groups_[g].facts, length)) {
      return Invalid("slot {}: expected a length whose window begins at {} or later, got {}", slot,
                     kept, length);
    }
  }
  for (size_t g = 0; g < groups_.size(); ++g) {
    Run& run = sequence.runs[g];
    GiveBack(groups_[g], run, PagesFor(length) - run.first_page, run.held());
  }
  sequence.reserved = length;
  sequence.committed = std::min(sequence.committed, length);
  return {};
}

Status PagedKv::Release(int slot) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  Sequence& sequence = sequences_[static_cast<size_t>(slot)];
  for (size_t g = 0; g < groups_.size(); ++g) {
    Run& run = sequence.runs[g];
    GiveBack(groups_[g], run, 0, run.held());
    groups_[g].owed -= run.owed();
  }
  sequence = {};
  return {};
}

Status PagedKv::CheckInvariants() const {
  const auto broken = [](const Group& group, std::string_view what, int64_t expected,
                         int64_t found) {
    return Fail(ErrorCode::kInternal, "kv", "group {}: {}: expected {}, got {}", group.facts.name,
                what, expected, found);
  };
  for (size_t g = 0; g < groups_.size(); ++g) {
    const Group& group = groups_[g];
    std::vector<int> owners(static_cast<size_t>(group.pages));
    for (int32_t page : group.free) ++owners[static_cast<size_t>(page)];
    int owed = 0;
    for (const Sequence& sequence : sequences_) {
      if (!sequence.live) continue;
      const Run& run = sequence.runs[g];
      for (int32_t page : run.pages) ++owners[static_cast<size_t>(page)];
      owed += run.owed();
      const int covered = std::max(PagesFor(sequence.reserved), run.first_page);
      if (run.end_page() != covered) {
        return broken(group, "pages of a sequence", covered, run.end_page());
      }
    }
    for (int count : owners) {
      if (count != 1) return broken(group, "owners of a page", 1, count);
    }
    if (owed != group.owed) return broken(group, "pages set aside", owed, group.owed);
    if (group.available() < 0) return broken(group, "pages available", 0, group.available());
  }
  return {};
}

}  // namespace fairlead
