// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mhub/megatron/layout.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub::converters {

// Values of options, as the command line and recipes spell them. Each throws UsageError that says what was
// expected.
std::string parse_format(const std::string& text);
int parse_size(const std::string& text);
bool parse_flag(const std::string& text);
DType parse_dtype(const std::string& text);
TransformerImpl parse_impl(const std::string& text);
std::string parse_model_type(const std::string& text);
std::optional<std::int64_t> parse_iteration(const std::string& text);
std::int64_t parse_divisor(const std::string& text);
/// "5GB", "300MB", "1GiB", "1000000": transformers' notation, powers of ten unless it says "i".
std::uint64_t parse_bytes(const std::string& text);
int parse_jobs(const std::string& text);
/// Token ids with a comma or spaces between them; maybe none.
template <typename Id>
std::vector<Id> parse_token_list(std::string_view text);
/// The same; at least one.
std::vector<std::int64_t> parse_tokens(std::string_view text);

}  // namespace mhub::converters
