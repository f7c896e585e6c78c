// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace mhub::converters {

/// One subcommand of `mhub`: gets the arguments behind its name and returns the exit code. Errors are thrown.
using Arguments = std::vector<std::string>;

int inspect_command(const Arguments& arguments);
int convert_command(const Arguments& arguments);
int verify_command(const Arguments& arguments);
int run_command(const Arguments& arguments);
int generate_command(const Arguments& arguments);
int logits_command(const Arguments& arguments);
int plugins_command(const Arguments& arguments);
int tokenize_command(const Arguments& arguments);

}  // namespace mhub::converters
