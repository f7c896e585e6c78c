// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/builtins.hpp"

namespace mhub::jinja {

const FilterTable& filters() {
  static const FilterTable table = [] {
    FilterTable all;
    add_text_filters(all);
    add_number_filters(all);
    add_sequence_filters(all);
    add_selection_filters(all);
    add_order_filters(all);
    return all;
  }();
  return table;
}

}  // namespace mhub::jinja
