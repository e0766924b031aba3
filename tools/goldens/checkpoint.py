"""Writes a checkpoint folder as the hub has them: config, weights in one file or in shards."""

import json

from safetensors.torch import save_file


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_facts(path, value):
    """JSON with one entry of the outermost object or list a line."""
    if isinstance(value, dict):
        lines = [f"{json.dumps(key)}: {json.dumps(item)}" for key, item in value.items()]
        opening, closing = "{}"
    else:
        lines = [json.dumps(item) for item in value]
        opening, closing = "[]"
    path.write_text(f"{opening}\n" + ",\n".join(lines) + f"\n{closing}\n")


def write_checkpoint(folder, case, tensors):
    write_json(folder / "config.json", case.config)
    write_json(folder / "generation_config.json", {
        "do_sample": True,
        "eos_token_id": [case.config["eos_token_id"]],
        "pad_token_id": case.config["pad_token_id"],
        "transformers_version": "5.23.0",
    })
    if case.shards == 1:
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    else:
        write_shards(folder, tensors, case.shards)


def write_shards(folder, tensors, shards):
    """Deals the tensors out in equal numbers, cutting through layers as real shards do."""
    names = sorted(tensors)
    per_shard = -(-len(names) // shards)
    weight_map = {}
    for shard in range(shards):
        # Numbered from 0, as in openai/gpt-oss-20b.
        file = f"model-{shard:05d}-of-{shards:05d}.safetensors"
        part = names[shard * per_shard:(shard + 1) * per_shard]
        save_file({name: tensors[name] for name in part}, folder / file, {"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    write_json(folder / "model.safetensors.index.json",
               {"metadata": {"total_size": total}, "weight_map": weight_map})
