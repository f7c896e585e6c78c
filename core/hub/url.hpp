// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mhub {

/// Scheme, host and port: what an address of one server begins with.
std::string origin_of(std::string_view url);
/// The host alone, for messages: addresses carry signatures.
std::string host_of(std::string_view url);
/// An address for messages: without the name and password that may stand in front of its host.
std::string shown_url(std::string_view url);
/// What a Location header, which may be relative, means on the page `base`.
std::string joined_url(std::string_view base, std::string_view location);
/// Percent-encoded; '/' too unless `keep_slashes`.
std::string quoted_url(std::string_view text, bool keep_slashes);
/// The address of `rel="next"` in a Link header; empty where there is none.
std::string next_link(std::string_view header);

}  // namespace mhub
