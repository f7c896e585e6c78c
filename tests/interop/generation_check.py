# SPDX-License-Identifier: Apache-2.0
"""Every field of transformers' GenerationConfig is honoured or refused by name: python generation_check.py MHUB SCRATCH.

A tiny random Llama, one generation_config.json per case: `mhub generate` gives the tokens of transformers' generate, or it
ends with exit code 3 and names the field. A field that a new transformers adds and nobody decided about fails the check.
"""

import json
import os
import shutil
import subprocess
import sys

import torch
import transformers

NEW_TOKENS = 12
PROMPT = [3, 5, 7, 5]

# Fields and values that count, alone or together with others.
HONOURED = {
    "max_length": [{"max_length": 7}],
    "max_new_tokens": [{"max_new_tokens": 3}, {"max_new_tokens": 3, "max_length": 9}],
    "min_length": [{"min_length": 11}],
    "min_new_tokens": [{"min_new_tokens": 9}],
    "stop_strings": [],  # needs a tokenizer: unit.cli
    "do_sample": [{"do_sample": True, "top_k": 1}],
    "temperature": [{"temperature": 0.3}, {"temperature": 0.0}, {"temperature": 0.3, "do_sample": True, "top_k": 1}],
    "top_k": [{"top_k": 1, "do_sample": True}, {"top_k": -1}, {"top_k": 50.0}, {"top_k": 0}],
    "top_p": [{"top_p": 1e-6, "do_sample": True}, {"top_p": 0}, {"top_p": 1.0}],
    "min_p": [{"min_p": 1.0, "do_sample": True}],
    "repetition_penalty": [{"repetition_penalty": 3.0}, {"repetition_penalty": 0.2}],
    "no_repeat_ngram_size": [{"no_repeat_ngram_size": n} for n in (1, 2, 3)],
    "bad_words_ids": [{"bad_words_ids": [[k] for k in range(60)]}, {"bad_words_ids": "FOLLOWERS"}],
    "forced_bos_token_id": [{"forced_bos_token_id": 9}],
    "forced_eos_token_id": [{"forced_eos_token_id": 9, "max_length": 9}, {"forced_eos_token_id": [9, 11], "max_new_tokens": 3}],
    "suppress_tokens": [{"suppress_tokens": list(range(60))}, {"suppress_tokens": [500]}],
    "begin_suppress_tokens": [{"begin_suppress_tokens": list(range(90))}, {"begin_suppress_tokens": list(range(90)), "forced_bos_token_id": 9}],
    "sequence_bias": [{"sequence_bias": [[[9], 100.0]]}, {"sequence_bias": [[[9, 11], 100.0], [[9], 50.0]]}, {"sequence_bias": [[[5, 13], 100.0]]}],
    "eos_token_id": [{"eos_token_id": "FIRST"}, {"eos_token_id": ["FIRST", 1]}],
}
# With these the text would be another one: refused.
REFUSED = {
    "num_beams": 4, "num_return_sequences": 2, "penalty_alpha": 0.6, "dola_layers": "high", "constraints": [1], "force_words_ids": [[1]], "max_time": 0.1,
    "guidance_scale": 2.0, "watermarking_config": {"greenlist_ratio": 0.1, "bias": 100.0}, "token_healing": True, "is_assistant": True, "exponential_decay_length_penalty": [1, 1.5],
    "encoder_repetition_penalty": 3.0, "encoder_no_repeat_ngram_size": 2,
}
# The same, where tokens are drawn; in greedy choice they do not count.
REFUSED_SAMPLING = {"top_h": 0.3, "typical_p": 1e-6, "epsilon_cutoff": 0.9, "eta_cutoff": 0.9}
# The tokens are the same whatever they say.
INERT = {
    "early_stopping": True, "use_cache": False, "length_penalty": 2.0, "renormalize_logits": True, "remove_invalid_values": True, "output_attentions": True,
    "output_hidden_states": True, "output_scores": True, "output_logits": True, "return_dict_in_generate": True, "pad_token_id": 1, "bos_token_id": 7,
    "decoder_start_token_id": 3, "num_beam_groups": 1, "diversity_penalty": 0.0, "low_memory": True, "num_assistant_tokens": 3,
    "assistant_confidence_threshold": 0.1, "assistant_lookbehind": 3, "target_lookbehind": 3, "transformers_version": "5.0.0", "chat_format": "chatml",
    "num_assistant_tokens_schedule": "constant", "max_matching_ngram_size": 2,
}
# Of speed and memory only; what transformers needs to run them is not here.
NOT_RUN = {"cache_implementation", "cache_config", "prompt_lookup_num_tokens", "assistant_early_exit", "compile_config", "disable_compile", "continuous_batching_config", "prefill_chunk_size"}


class Check:
    def __init__(self, binary, scratch):
        self.binary, self.folder, self.ok, self.failed = binary, os.path.join(scratch, "model"), 0, 0
        torch.manual_seed(0)
        config = transformers.LlamaConfig(vocab_size=100, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64)
        model = transformers.LlamaForCausalLM(config)
        for parameter in model.parameters():
            parameter.data *= 8  # far apart: no two tokens are about equally likely
        model.save_pretrained(self.folder)
        self.config, self.own_file = json.load(open(os.path.join(self.folder, "config.json"))), True

    def state(self, settings):
        """In generation_config.json, or without that file in config.json."""
        beside, config = (os.path.join(self.folder, name) for name in ("generation_config.json", "config.json"))
        if os.path.exists(beside):
            os.remove(beside)
        with open(beside if self.own_file else config, "w") as file:
            json.dump(settings if self.own_file else {**self.config, **settings}, file)

    def mhub(self, settings, *options):
        self.state(settings)
        limits = [] if {"max_length", "max_new_tokens"} & set(settings) else ["--max-new-tokens", str(NEW_TOKENS)]
        command = [self.binary, "generate", self.folder, "--tokens", ",".join(map(str, PROMPT)), "--exact", "--json", *limits, *options]
        return subprocess.run(command, capture_output=True, text=True)

    def transformers(self, settings):
        self.state(settings)
        model = transformers.LlamaForCausalLM.from_pretrained(self.folder).eval()
        limits = {} if {"max_length", "max_new_tokens"} & set(settings) else {"max_new_tokens": NEW_TOKENS}
        out = model.generate(torch.tensor([PROMPT]), **limits)
        return getattr(out, "sequences", out)[0, len(PROMPT) :].tolist()

    def report(self, settings, problem):
        if problem:
            self.failed += 1
            print(f"FAILED {json.dumps(settings)}: {problem}")
        else:
            self.ok += 1

    def equal(self, settings):
        expected, run = self.transformers(settings), self.mhub(settings)
        if run.returncode != 0:
            return self.report(settings, f"exit {run.returncode}: {run.stderr.strip()}")
        found = json.loads(run.stdout)["tokens"]
        return self.report(settings, None if found == expected else f"transformers {expected}, mhub {found}")

    def refused(self, settings, field):
        run = self.mhub(settings)
        named = run.returncode == 3 and f"generation_config.json: {field}" in run.stderr
        self.report(settings, None if named else f"exit {run.returncode}, stdout {run.stdout[:80]!r}, stderr {run.stderr.strip()!r}")


def undecided():
    known = set(HONOURED) | set(REFUSED) | set(REFUSED_SAMPLING) | set(INERT) | NOT_RUN
    fields = set(transformers.GenerationConfig().to_dict()) | set(transformers.GenerationConfig._get_default_generation_params())
    return sorted(field for field in fields - known if not field.startswith("_"))


def main():
    binary, scratch = sys.argv[1:]
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    check = Check(os.path.abspath(binary), scratch)
    for field in undecided():
        check.report({field: "?"}, "transformers has this field and nobody decided about it")
    plain = check.transformers({})
    check.equal({})
    for field, cases in HONOURED.items():
        for settings in cases:
            text = json.dumps(settings).replace('"FIRST"', str(plain[3])).replace('"FOLLOWERS"', str([[plain[k], plain[k + 1]] for k in range(4)]))
            check.equal(json.loads(text))
            if settings is cases[0]:
                check.own_file = False
                check.equal(json.loads(text))
                check.state({})
                check.own_file = True
    for field, value in INERT.items():
        check.equal({field: value})
    for field, value in REFUSED.items():
        check.refused({field: value}, field)
    for field, value in REFUSED_SAMPLING.items():
        check.refused({field: value, "do_sample": True}, field)
        check.equal({field: value})
    for settings, field in (({"do_sample": True, "temperature": 0.0}, "temperature 0"), ({"do_sample": True, "top_k": -1}, "top_k -1"), ({"do_sample": True, "top_k": 50.0}, "top_k=50.0"), ({"do_sample": True, "top_p": 0}, "top_p 0"), ({"forced_eos_token_id": 500}, "forced_eos_token_id 500"), ({"sequence_bias": [[[500], 1.0]]}, "sequence_bias 500")):
        check.refused(settings, field)
    print(f"{check.ok} ok, {check.failed} failed")
    sys.exit(1 if check.failed else 0)


main()
