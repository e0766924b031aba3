#include "runtime/kv/paged_kv.h"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "kv", format, std::forward<Args>(args)...);
}

PrefixIndex::Block BlockOf(std::span<const int32_t> tokens, size_t block) {
  return tokens.subspan(block * kPageTokens).first<kPageTokens>();
}

}  // namespace

PagedKv::PagedKv(const ModelFacts& facts, const Capabilities& limits, bool prefix_cache)
    : limits_(limits),
      prefix_cache_(prefix_cache),
      sequences_(static_cast<size_t>(limits.max_slots)),
      index_(facts.kv_groups.size()) {
  groups_.reserve(facts.kv_groups.size());
  for (size_t g = 0; g < facts.kv_groups.size(); ++g) {
    groups_.emplace_back(facts.kv_groups[g], limits.kv_pages[g], limits.max_slots, limits.max_rows);
  }
}

Status PagedKv::CheckLive(int slot) const {
  if (slot < 0 || slot >= limits_.max_slots || !At(slot).live) {
    return Invalid("slot {}: expected a slot in use", slot);
  }
  return {};
}

Status PagedKv::CheckFits(int length) const {
  if (length < 0 || length > limits_.max_position) {
    return Invalid("length: expected 0 to {}, got {}", limits_.max_position, length);
  }
  for (const PageRuns& group : groups_) {
    const int needed = group.MostPages(length);
    if (needed > group.pool().total()) {
      return Fail(ErrorCode::kResourceExhausted, "kv",
                  "group {}: expected at most {} pages of {} tokens, got {} for a sequence of {}",
                  group.facts().name, group.pool().total(), kPageTokens, needed, length);
    }
  }
  return {};
}

template <typename PageOf>
PagedKv::Beginning PagedKv::LongestBeginning(size_t blocks, const PageOf& page_of) const {
  std::vector<int> unbroken(groups_.size());  // pages in a row, up to the block looked at
  int best = 0;
  for (size_t b = 0; b < blocks; ++b) {
    const int end = static_cast<int>(b) + 1;
    bool usable = true;
    for (size_t g = 0; g < groups_.size(); ++g) {
      unbroken[g] = page_of(g, b) != PrefixIndex::kNoPage ? unbroken[g] + 1 : 0;
      const int first = FirstVisiblePage(groups_[g].facts(), end * kPageTokens);
      usable = usable && unbroken[g] >= end - first;
    }
    if (usable) best = end;
  }
  Beginning found{best * kPageTokens, std::vector<std::vector<int32_t>>(groups_.size()), {}};
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (int b = FirstVisiblePage(groups_[g].facts(), found.length); b < best; ++b) {
      found.pages[g].push_back(page_of(g, static_cast<size_t>(b)));
    }
  }
  return found;
}

PagedKv::Beginning PagedKv::FindBeginning(std::span<const int32_t> tokens) const {
  std::vector<PrefixIndex::Node> path;
  PrefixIndex::Node node = PrefixIndex::kRoot;
  for (size_t b = 0; prefix_cache_ && (b + 1) * kPageTokens < tokens.size(); ++b) {
    node = index_.Find(node, BlockOf(tokens, b));
    if (node == PrefixIndex::kNone) break;
    path.push_back(node);
  }
  Beginning found = LongestBeginning(
      path.size(), [&](size_t g, size_t block) { return index_.page(path[block], g); });
  path.resize(static_cast<size_t>(found.length / kPageTokens));
  found.path = std::move(path);
  return found;
}

PagedKv::Beginning PagedKv::SharedBeginning(int slot, int length) const {
  const Sequence& parent = At(slot);
  const auto page_of = [&](size_t g, size_t block) {
    const auto place = static_cast<int>(block);
    if (place >= groups_[g].first_page(slot)) return groups_[g].page(slot, place);
    // The parent's window has left it behind; the cache may still have it.
    return prefix_cache_ ? index_.page(parent.path[block], g) : PrefixIndex::kNoPage;
  };
  Beginning shared = LongestBeginning(static_cast<size_t>((length - 1) / kPageTokens), page_of);
  if (prefix_cache_) {
    shared.path.assign(parent.path.begin(), parent.path.begin() + shared.length / kPageTokens);
  }
  return shared;
}

Result<Admission> PagedKv::Start(Beginning beginning, int length) {
  const auto unused = std::find_if(sequences_.begin(), sequences_.end(),
                                   [](const Sequence& sequence) { return !sequence.live; });
  if (unused == sequences_.end()) {
    return Fail(ErrorCode::kResourceExhausted, "kv", "slots: expected a free one of {}, got none",
                limits_.max_slots);
  }
  for (size_t g = 0; g < groups_.size(); ++g) {
    FAIRLEAD_RETURN_IF_ERROR(groups_[g].CheckStart(length, beginning.pages[g]));
  }
  const auto slot = static_cast<int>(unused - sequences_.begin());
  for (size_t g = 0; g < groups_.size(); ++g) {
    const int first = FirstVisiblePage(groups_[g].facts(), beginning.length);
    groups_[g].Start(slot, first, beginning.pages[g], length);
  }
  *unused = {true, length, beginning.length, beginning.length, std::move(beginning.path)};
  if (!unused->path.empty()) index_.AddUser(unused->path.back());
  Anchor(*unused, length, 0);
  return Admission{slot, beginning.length};
}

Result<Admission> PagedKv::Admit(std::span<const int32_t> tokens) {
  if (tokens.empty() || static_cast<int64_t>(tokens.size()) > limits_.max_position) {
    return Invalid("tokens: expected 1 to {}, got {}", limits_.max_position, tokens.size());
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Admission admission,
                            Start(FindBeginning(tokens), static_cast<int>(tokens.size())));
  ++counts_.admissions;
  counts_.looked_up_tokens += static_cast<int64_t>(tokens.size());
  counts_.reused_tokens += admission.cached;
  if (admission.cached > 0) ++counts_.hits;
  return admission;
}

Result<Admission> PagedKv::Fork(int slot, int length) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  if (length < 1 || length > At(slot).committed) {
    return Invalid("slot {}: expected a length of 1 to {}, got {}", slot, At(slot).committed,
                   length);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Admission admission,
                            Start(SharedBeginning(slot, length), length));
  ++counts_.forks;
  return admission;
}

Status PagedKv::Reserve(int slot, int end) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  if (end < 0 || end > limits_.max_position) {
    return Invalid("slot {}: expected a length of at most {}, got {}", slot, limits_.max_position,
                   end);
  }
  for (const PageRuns& group : groups_) {
    FAIRLEAD_RETURN_IF_ERROR(group.CheckExtend(slot, PagesFor(end)));
  }
  for (size_t g = 0; g < groups_.size(); ++g) {
    std::vector<PrefixIndex::Node> evicted;
    groups_[g].Extend(slot, PagesFor(end), evicted);
    for (PrefixIndex::Node node : evicted) Forget(node, g);
  }
  At(slot).reserved = std::max(At(slot).reserved, end);
  return {};
}

void PagedKv::FillPages(const Span& span, StepPlan& plan) const {
  plan.pages.resize(groups_.size());
  for (size_t g = 0; g < groups_.size(); ++g) {
    PageTable& table = plan.pages[g];
    const int first = FirstVisiblePage(groups_[g].facts(), span.start_position);
    const int end = PagesFor(int64_t{span.start_position} + span.token_count);
    const std::span<const int32_t> pages = groups_[g].Pages(span.slot, first, end);
    if (table.offsets.empty()) table.offsets.push_back(0);
    table.first_page.push_back(first);
    table.pages.insert(table.pages.end(), pages.begin(), pages.end());
    table.offsets.push_back(static_cast<int32_t>(table.pages.size()));
  }
}

Status PagedKv::Commit(int slot, std::span<const int32_t> tokens) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  Sequence& sequence = At(slot);
  const auto size = static_cast<int64_t>(tokens.size());
  if (size < sequence.committed || size > sequence.reserved) {
    return Invalid("slot {}: expected a length of {} to {}, got {}", slot, sequence.committed,
                   sequence.reserved, size);
  }
  const auto length = static_cast<int>(size);
  sequence.committed = length;
  if (prefix_cache_) {
    const size_t known = sequence.path.size();
    const auto blocks = static_cast<size_t>(length / kPageTokens);
    for (size_t b = known; b < blocks; ++b) PublishBlock(slot, BlockOf(tokens, b));
    if (blocks > known) Anchor(sequence, sequence.admitted, static_cast<int>(known));
  }
  for (PageRuns& group : groups_) {
    const int window = group.facts().window;
    if (window > 0 && length > window) group.CutFront(slot, (length - window) / kPageTokens);
  }
  return {};
}

void PagedKv::PublishBlock(int slot, PrefixIndex::Block tokens) {
  Sequence& sequence = At(slot);
  const PrefixIndex::Node before =
      sequence.path.empty() ? PrefixIndex::kRoot : sequence.path.back();
  const PrefixIndex::Node node = index_.FindOrAdd(before, tokens);
  index_.AddUser(node);
  if (before != PrefixIndex::kRoot) index_.RemoveUser(before);
  const auto block = static_cast<int>(sequence.path.size());
  sequence.path.push_back(node);
  for (size_t g = 0; g < groups_.size(); ++g) {
    PageRuns& group = groups_[g];
    const int32_t known = index_.page(node, g);
    if (known == PrefixIndex::kNoPage) {
      group.pool().Publish(group.page(slot, block), node);
      index_.SetPage(node, g, group.page(slot, block));
    } else if (group.full() || group.pool().holders(known) == 0) {
      // The same tokens after the same tokens: the two pages hold the same bits. Two windows do not
      // share, as each must be able to go on alone.
      group.Swap(slot, block, known);
    }
  }
}

void PagedKv::Anchor(const Sequence& sequence, int length, int first_block) {
  const auto end = std::min(sequence.path.size(), static_cast<size_t>(length / kPageTokens));
  const int start_again = (length - 1) / kPageTokens * kPageTokens;
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (groups_[g].full()) continue;
    const int first = std::max(first_block, FirstVisiblePage(groups_[g].facts(), start_again));
    for (auto b = static_cast<size_t>(first); b < end; ++b) {
      const int32_t page = index_.page(sequence.path[b], g);
      if (page != PrefixIndex::kNoPage) groups_[g].pool().MakeAnchor(page);
    }
  }
}

void PagedKv::Forget(PrefixIndex::Node node, size_t group) {
  if (groups_[group].full()) {
    for (size_t g = 0; g < groups_.size(); ++g) {
      const int32_t page = index_.page(node, g);
      if (g == group || page == PrefixIndex::kNoPage || groups_[g].pool().holders(page) > 0) {
        continue;
      }
      groups_[g].pool().Unpublish(page);
      index_.SetPage(node, g, PrefixIndex::kNoPage);
    }
  }
  index_.SetPage(node, group, PrefixIndex::kNoPage);
}

void PagedKv::ShortenPath(Sequence& sequence, size_t blocks) {
  if (blocks >= sequence.path.size()) return;
  const PrefixIndex::Node last = sequence.path.back();
  sequence.path.resize(blocks);
  if (blocks > 0) index_.AddUser(sequence.path.back());
  index_.RemoveUser(last);
}

Status PagedKv::Truncate(int slot, int length) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  Sequence& sequence = At(slot);
  if (length < 0 || length > sequence.reserved) {
    return Invalid("slot {}: expected a length of 0 to {}, got {}", slot, sequence.reserved,
                   length);
  }
  const int block = length / kPageTokens;
  const bool within_page = length % kPageTokens != 0;
  for (const PageRuns& group : groups_) {
    const int kept = group.first_page(slot) * kPageTokens;
    if (kept > FirstVisible(group.facts(), length)) {
      return Invalid("slot {}: expected a length whose window begins at {} or later, got {}", slot,
                     kept, length);
    }
    if (within_page && group.pool().holders(group.page(slot, block)) > 1) {
      return Invalid("slot {}: expected the end of a page, which another sequence holds, got {}",
                     slot, length);
    }
  }
  if (within_page) {
    // What is written there next is another text.
    for (size_t g = 0; g < groups_.size(); ++g) {
      const int32_t page = groups_[g].page(slot, block);
      const PrefixIndex::Node node = groups_[g].pool().node(page);
      if (node == PagePool::kNone) continue;
      groups_[g].pool().Unpublish(page);
      Forget(node, g);
    }
  }
  ShortenPath(sequence, static_cast<size_t>(block));
  for (PageRuns& group : groups_) group.CutBack(slot, PagesFor(length));
  sequence.reserved = length;
  sequence.committed = std::min(sequence.committed, length);
  return {};
}

Status PagedKv::Release(int slot) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLive(slot));
  Sequence& sequence = At(slot);
  Anchor(sequence, sequence.committed, 0);
  ShortenPath(sequence, 0);
  for (PageRuns& group : groups_) group.End(slot);
  sequence = {};
  return {};
}

KvStatistics PagedKv::statistics() const {
  KvStatistics statistics = counts_;
  for (const PageRuns& group : groups_) {
    const PagePool& pool = group.pool();
    statistics.evictions += pool.evictions();
    statistics.pages.push_back({group.facts().name, pool.total(), pool.free(), pool.cached(),
                                int64_t{pool.total()} - pool.room()});
  }
  return statistics;
}

Status PagedKv::CheckIndex() const {
  const auto broken = [](std::string_view what, int64_t expected, int64_t found) {
    return Fail(ErrorCode::kInternal, "kv", "{}: expected {}, got {}", what, expected, found);
  };
  std::vector<PrefixIndex::Node> users;
  for (const Sequence& sequence : sequences_) {
    const size_t known = prefix_cache_ ? static_cast<size_t>(sequence.committed / kPageTokens) : 0;
    if (sequence.path.size() != known) {
      return broken("blocks of a sequence", static_cast<int64_t>(known),
                    static_cast<int64_t>(sequence.path.size()));
    }
    if (known > 0) users.push_back(sequence.path.back());
    PrefixIndex::Node before = PrefixIndex::kRoot;
    for (PrefixIndex::Node node : sequence.path) {
      if (index_.parent(node) != before) {
        return broken("block before", index_.parent(node), before);
      }
      before = node;
    }
  }
  FAIRLEAD_RETURN_IF_ERROR(index_.Check(users));
  int64_t named = 0;
  for (size_t g = 0; g < groups_.size(); ++g) {
    const PagePool& pool = groups_[g].pool();
    for (int32_t page = 0; page < pool.total(); ++page) {
      const PrefixIndex::Node node = pool.node(page);
      if (node == PagePool::kNone) continue;
      ++named;
      if (index_.page(node, g) != page) return broken("page of a text", page, index_.page(node, g));
    }
  }
  if (named != index_.pages()) return broken("pages with a text", named, index_.pages());
  return {};
}

Status PagedKv::CheckInvariants() const {
  for (const PageRuns& group : groups_) FAIRLEAD_RETURN_IF_ERROR(group.Check());
  FAIRLEAD_RETURN_IF_ERROR(CheckIndex());
  for (size_t slot = 0; slot < sequences_.size(); ++slot) {
    const Sequence& sequence = sequences_[slot];
    for (const PageRuns& group : groups_) {
      const int first = group.first_page(static_cast<int>(slot));
      const int end = group.end_page(static_cast<int>(slot));
      const int covered = std::max(PagesFor(sequence.reserved), first);
      if (end != covered) {
        return Fail(ErrorCode::kInternal, "kv",
                    "group {}: pages of a sequence: expected {}, got {}", group.facts().name,
                    covered, end);
      }
      if (!group.full()) continue;
      for (size_t b = 0; b < sequence.path.size(); ++b) {
        const int32_t page = group.page(static_cast<int>(slot), static_cast<int>(b));
        const auto known = group.pool().node(page);
        if (known != sequence.path[b]) {
          return Fail(ErrorCode::kInternal, "kv", "text of a page: expected {}, got {}",
                      sequence.path[b], known);
        }
      }
    }
  }
  return {};
}

}  // namespace fairlead
