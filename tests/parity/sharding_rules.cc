#include "tests/parity/sharding_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <numeric>

namespace fairlead::testing {
namespace {

Indices Everything(int64_t size) {
  Indices all(static_cast<size_t>(size));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

template <typename Predicate>
Indices Where(int64_t size, const Predicate& mine) {
  Indices held;
  for (int64_t i = 0; i < size; ++i) {
    if (mine(i)) held.push_back(i);
  }
  return held;
}

// The owner of each unit: every rank has a run of them, as long as if units were dealt like cards.
Indices Owners(int64_t units, int ranks) {
  Indices cards(static_cast<size_t>(ranks));
  for (int64_t i = 0; i < units; ++i) ++cards[static_cast<size_t>(i % ranks)];
  Indices owners;
  for (size_t rank = 0; rank < cards.size(); ++rank) {
    owners.insert(owners.end(), static_cast<size_t>(cards[rank]), static_cast<int64_t>(rank));
  }
  return owners;
}

// The owner in a group of each index of the intermediate size: whole blocks where all get one.
Indices IntermediateOwners(int64_t size, int ranks) {
  const int64_t unit = size % 32 == 0 && size / 32 >= ranks ? 32 : 1;
  const Indices units = Owners(size / unit, ranks);
  Indices owners;
  for (int64_t i = 0; i < size; ++i) owners.push_back(units[static_cast<size_t>(i / unit)]);
  return owners;
}

// The kv head that each query head of a rank reads.
Indices KvHeadsRead(const Sizes& sizes, int ranks, int rank) {
  const int64_t mine = sizes.heads / ranks;
  Indices read;
  for (int64_t i = 0; i < mine; ++i) {
    read.push_back((rank * mine + i) / (sizes.heads / sizes.kv_heads));
  }
  return read;
}

// How often each head follows itself.
Indices RunLengths(const Indices& heads) {
  Indices lengths;
  for (size_t i = 0; i < heads.size(); ++i) {
    if (i == 0 || heads[i] != heads[i - 1]) lengths.push_back(0);
    ++lengths.back();
  }
  return lengths;
}

// The kv heads that a rank holds: each once where equally many query heads read each one that a
// rank holds, whichever rank; or else one for every query head.
Indices KvHeads(const Sizes& sizes, int ranks, int rank) {
  Indices heads = KvHeadsRead(sizes, ranks, rank);
  const Indices lengths = RunLengths(KvHeadsRead(sizes, ranks, 0));
  for (int other = 0; other < ranks; ++other) {
    for (int64_t length : RunLengths(KvHeadsRead(sizes, ranks, other))) {
      if (length != lengths[0]) return heads;
    }
  }
  heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
  return heads;
}

Indices Columns(const Indices& heads, int64_t head_dim) {
  Indices columns;
  for (int64_t head : heads) {
    for (int64_t i = 0; i < head_dim; ++i) columns.push_back(head * head_dim + i);
  }
  return columns;
}

bool Has(const std::string& name, const char* part) { return name.find(part) != std::string::npos; }

}  // namespace

std::string Degrees::ToString() const { return fmt::format("tp{}_ep{}", tp, ep); }

std::vector<Degrees> AllDegrees() {
  std::vector<Degrees> all;
  for (int ep : {1, 2, 4}) {
    for (int tp : {1, 2, 3, 4, 8}) all.push_back({tp, ep});
  }
  return all;
}

Sizes SizesOf(const Graph& whole) {
  const auto shape = [&](const char* ending) {
    for (const Parameter* parameter : whole.parameters()) {
      if (parameter->name.ends_with(ending)) return parameter->shape;
    }
    return Shape{};
  };
  Sizes sizes;
  sizes.vocabulary = shape("embed_tokens.weight")[0];
  sizes.heads = shape("sinks")[0];
  sizes.head_dim = shape("q_proj.weight")[0] / sizes.heads;
  sizes.kv_heads = shape("k_proj.weight")[0] / sizes.head_dim;
  sizes.experts = shape("down_proj")[0];
  sizes.intermediate = shape("down_proj")[2];
  return sizes;
}

bool MustRefuse(const Sizes& sizes, Degrees degrees) {
  return sizes.heads % degrees.ranks() != 0 || sizes.experts % degrees.ep != 0 ||
         degrees.ranks() > sizes.vocabulary || degrees.tp > sizes.intermediate;
}

std::vector<Indices> HeldIndices(const Parameter& whole, const Sizes& sizes, Degrees degrees,
                                 int rank) {
  std::vector<Indices> held;
  for (int64_t size : whole.shape) held.push_back(Everything(size));
  const auto keep = [&](size_t dim, const auto& mine) {
    held[dim] = Where(whole.shape[dim], mine);
  };
  const int ranks = degrees.ranks();
  const auto my_head = [&](int64_t head) { return head / (sizes.heads / ranks) == rank; };
  const auto my_column = [&](int64_t column) { return my_head(column / sizes.head_dim); };
  const std::string& name = whole.name;
  if (Has(name, "embed_tokens") || Has(name, "lm_head")) {
    const Indices owners = Owners(sizes.vocabulary, ranks);
    keep(0, [&](int64_t row) { return owners[static_cast<size_t>(row)] == rank; });
  }
  if (Has(name, "sinks")) keep(0, my_head);
  if (Has(name, "q_proj")) keep(0, my_column);
  if (Has(name, "o_proj.weight")) keep(1, my_column);
  if (Has(name, "k_proj") || Has(name, "v_proj")) {
    held[0] = Columns(KvHeads(sizes, ranks, rank), sizes.head_dim);
  }
  if (Has(name, "experts.")) {
    const int64_t each = sizes.experts / degrees.ep;
    keep(0, [&](int64_t expert) { return expert / each == rank / degrees.tp; });
    const Indices owners = IntermediateOwners(sizes.intermediate, degrees.tp);
    const auto mine = [&](int64_t i) {
      return owners[static_cast<size_t>(i)] == rank % degrees.tp;
    };
    if (Has(name, "gate_up")) keep(1, [&](int64_t row) { return mine(row / 2); });
    if (name.ends_with("down_proj")) keep(2, mine);
  }
  return held;
}

}  // namespace fairlead::testing
