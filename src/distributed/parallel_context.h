// Which part of a model one rank holds.
#pragma once

namespace fairlead {

// tp_degree x ep_degree ranks share a model; this is number `rank`. Attention, embedding and head
// are divided among all of them; the experts among ep_degree groups of tp_degree consecutive ranks,
// and each expert's intermediate size among the ranks of its group.
struct ParallelContext {
  int rank = 0;
  int tp_degree = 1;
  int ep_degree = 1;

  int size() const { return tp_degree * ep_degree; }
  int tp_rank() const { return rank % tp_degree; }  // in its group
  int ep_rank() const { return rank / tp_degree; }  // the number of its group
};

}  // namespace fairlead
