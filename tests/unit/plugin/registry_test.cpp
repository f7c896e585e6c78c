// SPDX-License-Identifier: Apache-2.0
// Plugins are opened one by one by their folder's index, and an index that is out of date does no harm.
#include "mhub/plugin/registry.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"

BOOST_AUTO_TEST_SUITE(registry)

namespace fs = std::filesystem;
using namespace mhub;
using namespace mhub::tests;

namespace {

/// A folder of its own with copies of three plugins of this build.
struct PluginCopies {
  PluginCopies() {
    const fs::path plugins = fs::path(MHUB_BINARY).parent_path().parent_path() / "lib/mhub/plugins";
    for (const std::string family : {"gpt2", "llama", "qwen"})
      fs::copy_file(plugins / ("libmhub_plugin_" + family + ".so"), library(family));
  }
  std::string library(const std::string& family) const {
    return folder.file("libmhub_plugin_" + family + ".so");
  }
  /// True when this process has the library loaded.
  bool loaded(const std::string& family) const {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find(library(family)) != std::string::npos) return true;
    }
    return false;
  }

  TemporaryFolder folder;
};

const ModelDescriptor& by_type(const PluginRegistry& registry, const std::string& type) {
  return registry.find({{{"model_type", type}}, "config.json"});
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_folder_without_an_index_is_opened_as_a_whole) {
  const PluginCopies copies;
  const PluginRegistry registry({copies.folder.path()});
  for (const std::string family : {"gpt2", "llama", "qwen"}) BOOST_TEST(copies.loaded(family), family);
  BOOST_TEST(registry.plugins().size() == 3U);
}

BOOST_AUTO_TEST_CASE(only_the_plugin_that_is_asked_for_is_opened) {
  const PluginCopies copies;
  write_plugin_index(copies.folder.path());
  const PluginRegistry registry({copies.folder.path()});
  BOOST_TEST(!copies.loaded("llama"));
  BOOST_TEST(by_type(registry, "llama").class_name == "LlamaForCausalLM");
  BOOST_TEST(registry.find_class("LlamaForCausalLM") == &by_type(registry, "llama"));
  BOOST_TEST(copies.loaded("llama"));
  BOOST_TEST((registry.find_class("NoSuchModel") == nullptr));
  BOOST_CHECK_EXCEPTION(by_type(registry, "no_such_type"), InputError,
                        message_has("no plugin for", "no_such_type", "classes that are known"));
  BOOST_TEST(!copies.loaded("gpt2"));
  BOOST_TEST(!copies.loaded("qwen"));
  BOOST_TEST(registry.plugins().size() == 3U);  // who wants all gets all
  BOOST_TEST(copies.loaded("gpt2"));
  BOOST_TEST(registry.broken().empty());
}

BOOST_AUTO_TEST_CASE(a_library_that_changed_is_opened_anew) {
  const PluginCopies copies;
  write_plugin_index(copies.folder.path());
  fs::remove(copies.library("qwen"));
  fs::copy_file(copies.library("gpt2"), copies.library("qwen"));
  fs::last_write_time(copies.library("llama"), fs::file_time_type::clock::now() + std::chrono::hours(1));
  const PluginRegistry registry({copies.folder.path()});
  BOOST_TEST(!copies.loaded("gpt2"));
  BOOST_TEST(copies.loaded("llama"));
  BOOST_TEST((registry.find_class("Qwen2ForCausalLM") == nullptr));
  BOOST_REQUIRE_EQUAL(registry.broken().size(), 1U);
  BOOST_TEST(registry.broken()[0].reason == "GPT2LMHeadModel is already registered by plugin gpt2");
}

BOOST_AUTO_TEST_CASE(an_index_that_says_something_else_is_refused) {
  const PluginCopies copies;
  write_plugin_index(copies.folder.path());
  std::string text;
  std::getline(std::ifstream(copies.folder.file("mhub_plugins.json")), text, '\0');
  text.replace(text.find("LlamaForCausalLM"), 5, "Alpac");
  std::ofstream(copies.folder.file("mhub_plugins.json")) << text;
  const PluginRegistry registry({copies.folder.path()});
  BOOST_TEST((registry.find_class("AlpacForCausalLM") == nullptr));
  BOOST_REQUIRE_EQUAL(registry.broken().size(), 1U);
  BOOST_TEST(registry.broken()[0].reason.find("--write-index") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_damaged_index_is_reported_and_not_used) {
  const PluginCopies copies;
  std::ofstream(copies.folder.file("mhub_plugins.json")) << "{\"abi\": ";
  const PluginRegistry registry({copies.folder.path()});
  BOOST_TEST(by_type(registry, "gpt2").class_name == "GPT2LMHeadModel");
  BOOST_REQUIRE_EQUAL(registry.broken().size(), 1U);
  BOOST_TEST(registry.broken()[0].reason.find("mhub_plugins.json") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(threads_share_a_registry) {
  const PluginCopies copies;
  write_plugin_index(copies.folder.path());
  const PluginRegistry registry({copies.folder.path()});
  std::vector<const ModelDescriptor*> found(8);
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < found.size(); ++k) {
    threads.emplace_back([&, k] {
      found[k] = registry.find_class(k % 2 == 0 ? "LlamaForCausalLM" : "GPT2LMHeadModel");
      registry.plugins();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t k = 2; k < found.size(); ++k) BOOST_TEST(found[k] == found[k - 2]);
  BOOST_TEST((found[0] != nullptr && found[1] != nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
