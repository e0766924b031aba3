// KvManager for executors that read page tables: every KV group is a pool of pages of kPageTokens
// positions, and a sequence holds a run of pages in each. Sequences share the pages of texts that
// begin alike, and pages outlive their sequences until somebody needs the room.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "config/model_facts.h"
#include "runtime/kv/kv_manager.h"
#include "runtime/kv/page_runs.h"
#include "runtime/kv/prefix_index.h"

namespace fairlead {

class PagedKv final : public KvManager {
 public:
  // Pools of `limits.kv_pages` pages. A group with a window keeps, of a sequence with `length`
  // committed tokens, the pages that hold positions from length - window on. Without a prefix cache
  // only a fork shares pages.
  PagedKv(const ModelFacts& facts, const Capabilities& limits, bool prefix_cache = true);

  Result<Admission> Admit(std::span<const int32_t> tokens) override;
  Result<Admission> Fork(int slot, int length) override;
  Status CheckFits(int length) const override;
  Status Reserve(int slot, int end) override;
  void FillPages(const Span& span, StepPlan& plan) const override;
  Status Commit(int slot, std::span<const int32_t> tokens) override;
  // Also refused: a length within a page that another sequence holds. Of the room set aside, what
  // lay in pages that others hold is gone.
  Status Truncate(int slot, int length) override;
  Status Release(int slot) override;
  KvStatistics statistics() const override;
  Status CheckInvariants() const override;

 private:
  struct Sequence {
    bool live = false;
    int admitted = 0;  // tokens it began with
    int reserved = 0;
    int committed = 0;
    // The blocks of its text that are committed; the last is in use by it. Empty without a cache.
    std::vector<PrefixIndex::Node> path;
  };
  // What a new sequence finds: whole pages before `length`, per group those its window reaches.
  struct Beginning {
    int length = 0;
    std::vector<std::vector<int32_t>> pages;
    std::vector<PrefixIndex::Node> path;
  };

  Sequence& At(int slot) { return sequences_[static_cast<size_t>(slot)]; }
  const Sequence& At(int slot) const { return sequences_[static_cast<size_t>(slot)]; }
  Status CheckLive(int slot) const;
  // The longest whole blocks of the first `blocks` after which everything a sequence sees is in
  // the pages that page_of(group, block) names, kNoPage for none. Without its path.
  template <typename PageOf>
  Beginning LongestBeginning(size_t blocks, const PageOf& page_of) const;
  // What the cache has of these tokens; leaves at least the last to run.
  Beginning FindBeginning(std::span<const int32_t> tokens) const;
  // What the first `length` tokens of a live sequence can share.
  Beginning SharedBeginning(int slot, int length) const;
  Result<Admission> Start(Beginning beginning, int length);
  // Moves the sequence's use of the index to the end of the first `blocks` of its path.
  void ShortenPath(Sequence& sequence, size_t blocks);
  // The next block of the sequence is committed: others may find its pages.
  void PublishBlock(int slot, PrefixIndex::Block tokens);
  // Anchors the pages that a text which goes on after `length`, or starts again there, needs:
  // those of the path from `first_block` on.
  void Anchor(const Sequence& sequence, int length, int first_block);
  // The text `node` has no page in `group` any more, and no other that is of use without it.
  void Forget(PrefixIndex::Node node, size_t group);
  Status CheckIndex() const;

  Capabilities limits_;
  bool prefix_cache_;
  std::vector<PageRuns> groups_;
  std::vector<Sequence> sequences_;  // by slot
  PrefixIndex index_;
  KvStatistics counts_;
};

}  // namespace fairlead
