# SPDX-License-Identifier: Apache-2.0
# mhub_add_plugin(NAME source...): one architecture family as a shared library that mhub loads at run time.
# The file name starts with libmhub_plugin_; put it into a folder of MHUB_PLUGIN_PATH or into lib/mhub/plugins.
function(mhub_add_plugin name)
  add_library(mhub_plugin_${name} MODULE ${ARGN})
  target_link_libraries(mhub_plugin_${name} PRIVATE mhub::mhub)
  target_compile_features(mhub_plugin_${name} PRIVATE cxx_std_20)
endfunction()
