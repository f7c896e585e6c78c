#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What transformers makes of some tokens, layer by layer:  golden.py FOLDER GOLDEN.npy [TOKENS]

Writes three arrays, one behind the other, as numpy.save does to an open file: the tokens [tokens] of int64, the hidden states
[1 + layers, tokens, hidden size] of float32 (the embeddings and what leaves each layer, of the last one behind the final norm), and the logits
[tokens, vocabulary] of float32. TOKENS are numbers with commas between them; without them, sixteen made-up ones.
With --make CONFIG.json, FOLDER becomes a random model of that config first.
`mhub plugins --compare NAME FOLDER GOLDEN.npy` then tells in which layer mhub's numbers part from these.

Needs torch and transformers; a model that they only know by its own code needs --trust-remote-code."""

import argparse
import json

import numpy as np
import torch
import transformers


def opened(folder, trust):
    """The model in float32, text alone or with eyes."""
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=trust)
    kinds = [transformers.AutoModelForCausalLM, getattr(transformers, "AutoModelForImageTextToText", None)]
    last = None
    for kind in filter(None, kinds):
        try:
            # Not SDPA, which leaves out what it does not know (Gemma 2's cap of attention scores).
            return kind.from_pretrained(folder, config=config, dtype=torch.float32, attn_implementation="eager", trust_remote_code=trust).eval()
        except ValueError as error:  # of another kind
            last = error
    raise last


def make(config, folder):
    """A random model in which no tensor may be left out, swapped or turned: norms about 1, all else about 0."""
    values = json.load(open(config))
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(values.pop("model_type"), **values))
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = 1 + 0.2 * noise if "norm" in name and name.endswith("weight") else 0.15 * noise
    model.save_pretrained(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("golden")
    parser.add_argument("tokens", nargs="?", default="")
    parser.add_argument("--trust-remote-code", action="store_true")
    parser.add_argument("--make", metavar="CONFIG.json")
    arguments = parser.parse_args()
    if arguments.make:
        make(arguments.make, arguments.folder)
    model = opened(arguments.folder, arguments.trust_remote_code)
    text = model.config.get_text_config()
    if arguments.tokens:
        tokens = [int(word) for word in arguments.tokens.replace(",", " ").split()]
    else:
        tokens = torch.randint(0, text.vocab_size, (16,), generator=torch.Generator().manual_seed(1)).tolist()
    with torch.no_grad():
        made = model(input_ids=torch.tensor([tokens]), output_hidden_states=True, use_cache=False)
    hidden = torch.stack([state[0].float() for state in made.hidden_states])
    with open(arguments.golden, "wb") as file:
        np.save(file, np.array(tokens, dtype=np.int64))
        np.save(file, np.ascontiguousarray(hidden.numpy()))
        np.save(file, np.ascontiguousarray(made.logits[0].float().numpy()))
    print(f"{arguments.golden}: {len(tokens)} tokens, {hidden.shape[0] - 1} layers, {type(model).__name__}")


if __name__ == "__main__":
    main()
