#include "cli/eval/eval_run.h"

#include <iterator>
#include <list>
#include <utility>

#include "base/log.h"
#include "cli/engine_progress.h"
#include "cli/interrupt.h"
#include "cli/line_file.h"

namespace fairlead {
namespace {

// Where an item is, and where its result goes.
struct Place {
  const EvalSuite* suite;
  const EvalItem* item;
  EvalResult* result;

  std::string At(const Error& error) const {
    return fmt::format("{} {}: {}{}", OneLine(suite->name), Quoted(item->id),
                       WithoutComponent(error.message),
                       error.code == ErrorCode::kResourceExhausted
                           ? "; expected more --kv_cache_memory or fewer --max_tokens"
                           : "");
  }
};

// Items on their way through a generator.
class ItemQueue {
 public:
  ItemQueue(std::vector<Place> places, const ChatFormat& format, Generator& generator,
            const EvalOptions& options)
      : places_(std::move(places)), format_(format), generator_(generator), options_(options) {}

  size_t size() const { return places_.size(); }
  size_t done() const { return next_ - open_.size(); }

  // Whether there is room for the first prompts of all items and their answers: better known before
  // hours of work than after.
  Status Check() const {
    for (const Place& place : places_) {
      ItemRun run(*place.item, format_);
      const auto ids = run.Render();
      if (!ids) return Fail(ErrorCode::kInvalidArgument, "eval", "{}", place.At(ids.error()));
      const Status room = CheckRoom(ids->size());
      if (!room) return Fail(room.error().code, "eval", "{}", place.At(room.error()));
    }
    return {};
  }

  // Asks as many items as there is use for.
  Status Fill() {
    // Enough waiting ones that a full batch never waits for this.
    constexpr size_t kWaitingBatches = 4;
    const size_t most = kWaitingBatches * static_cast<size_t>(options_.generate.max_batch);
    while (next_ < places_.size() && open_.size() < most) {
      const Place& place = places_[next_++];
      open_.push_back({place, std::make_unique<ItemRun>(*place.item, format_)});
      // Check found room for it.
      FAIRLEAD_RETURN_IF_ERROR(Ask(open_.back()));
    }
    return {};
  }

  // Judges what was answered, and asks on.
  Status Collect() {
    for (auto open = open_.begin(); open != open_.end();) {
      bool ended = false;
      if (open->run->answered()) {
        FAIRLEAD_ASSIGN_OR_RETURN(ended, GoOn(*open));
      }
      open = ended ? open_.erase(open) : std::next(open);
    }
    return {};
  }

 private:
  struct Open {
    Place place;
    std::unique_ptr<ItemRun> run;
  };

  Status CheckRoom(size_t prompt) const {
    return generator_.CheckRoom(static_cast<int64_t>(prompt),
                                options_.generate.settings.request.max_tokens);
  }

  // True when the item has ended; its result is in place then.
  Result<bool> GoOn(Open& open) {
    const auto more = open.run->Judge();
    if (!more) return Fail(more.error().code, "eval", "{}", open.place.At(more.error()));
    if (*more) {
      FAIRLEAD_ASSIGN_OR_RETURN(const bool asked, Ask(open));
      if (asked) return false;
    }
    *open.place.result = std::move(open.run->result());
    return true;
  }

  // False when the model's context has no room for the prompt, which then is the end of the item.
  // What the KV cache has no room for is an error: no score depends on memory.
  Result<bool> Ask(Open& open) {
    ItemRun& run = *open.run;
    const auto refuse = [&](const Error& error) {
      return Fail(error.code, "eval", "{}", open.place.At(error));
    };
    auto ids = run.Render();
    if (!ids) return refuse(ids.error());
    const Status room = CheckRoom(ids->size());
    if (!room && room.error().code != ErrorCode::kInvalidArgument) return refuse(room.error());
    if (!room) {
      run.GiveUp("(no room in the context for the next prompt)");
      return false;
    }
    const auto prompt =
        run.Ask(std::move(*ids), options_.generate.settings, options_.header_constraint);
    if (!prompt) return refuse(prompt.error());
    const auto id = generator_.Submit(*prompt, [&run](const Event& event) { run.Take(event); });
    if (!id) return refuse(id.error());
    return true;
  }

  const std::vector<Place> places_;
  const ChatFormat& format_;
  Generator& generator_;
  const EvalOptions& options_;
  size_t next_ = 0;  // of places_
  std::list<Open> open_;
};

Status Run(ItemQueue& queue, Generator& generator) {
  const InterruptWatch watch;
  EngineProgress progress("evaluating", "items", generator.engine());
  while (queue.done() < queue.size()) {
    if (InterruptWatch::requested()) {
      return Fail(ErrorCode::kInterrupted, "eval",
                  "interrupted after {} of {} items; nothing was written", queue.done(),
                  queue.size());
    }
    FAIRLEAD_RETURN_IF_ERROR(queue.Fill());
    FAIRLEAD_RETURN_IF_ERROR(generator.engine().Step());
    FAIRLEAD_RETURN_IF_ERROR(queue.Collect());
    progress.Update(queue.done(), queue.size());
  }
  return {};
}

}  // namespace

Result<std::vector<SuiteResult>> RunSuites(const std::vector<EvalSuite>& suites,
                                           const EvalOptions& options) {
  const GenerateOptions& generate = options.generate;
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, OpenForRun(generate.run, generate.run.backend));
  const ModelFacts& facts = artifact->facts();
  FAIRLEAD_ASSIGN_OR_RETURN(const Tokenizer::Pointer tokenizer, Tokenizer::Open(artifact->dir));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto format,
                            CreateChatFormat(facts.chat_format, tokenizer, facts.vocabulary_size));
  std::vector<SuiteResult> results;
  results.reserve(suites.size());
  std::vector<Place> places;
  for (const EvalSuite& suite : suites) {
    results.push_back({&suite, std::vector<EvalResult>(suite.items.size())});
    for (size_t i = 0; i < suite.items.size(); ++i) {
      places.push_back({&suite, &suite.items[i], &results.back().results[i]});
    }
  }
  const auto answers = static_cast<int64_t>(places.size());
  FAIRLEAD_ASSIGN_OR_RETURN(const auto generator,
                            Generator::Create(artifact, tokenizer, generate, answers, 0));
  ItemQueue queue(std::move(places), *format, *generator, options);
  FAIRLEAD_RETURN_IF_ERROR(queue.Check());
  const Status ran = Run(queue, *generator);
  if (generate.stats) PrintStatistics(generator->statistics(), options.json);
  FAIRLEAD_RETURN_IF_ERROR(ran);
  return results;
}

}  // namespace fairlead
