// SPDX-License-Identifier: Apache-2.0
// The recipe parser belongs to the mhub command, not to libmhub, so its test program compiles it.
#include "../../../converters/convert_keys.cpp"
#include "../../../converters/parse.cpp"
#include "../../../converters/recipe.cpp"
