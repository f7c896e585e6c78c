// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/file.hpp"
#include "text/chat_template/rendering.hpp"

BOOST_AUTO_TEST_SUITE(folder)

using namespace mhub;
using namespace mhub::tests;

namespace {

std::string render_folder(const TemporaryFolder& folder, bool tools = false, const std::string& name = "") {
  ChatRequest request;
  if (tools) request.tools = nlohmann::ordered_json::array({1});
  request.template_name = name;
  return ChatTemplate::from_directory(folder.path()).render(request);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_jinja_file_wins) {
  const TemporaryFolder folder;
  write_file(folder.file("tokenizer_config.json"),
             std::string(R"({"bos_token": {"content": "<b>"}, "eos_token": null, "add_bos_token": true,)"
                         R"( "image_token": "<i>", "chat_template": "config {{ bos_token }}"})"));
  BOOST_TEST(render_folder(folder) == "config <b>");
  write_file(
      folder.file("chat_template.jinja"),
      std::string(
          "file {{ bos_token }}{{ image_token }}{{ eos_token is defined }}{{ add_bos_token is defined }}\n"));
  BOOST_TEST(render_folder(folder) == "file <b><i>FalseFalse");
}

BOOST_AUTO_TEST_CASE(a_processor_looks_elsewhere_first) {
  const TemporaryFolder folder;
  const auto rendered = [&] { return ChatTemplate::of_processor(*folder_files(folder.path())).render({}); };
  write_file(folder.file("tokenizer_config.json"),
             std::string(R"({"bos_token": "<b>", "chat_template": "t"})"));
  BOOST_TEST(rendered() == "t");
  write_file(folder.file("chat_template.jinja"), std::string("jinja {{ bos_token }}"));
  BOOST_TEST(rendered() == "jinja <b>");
  write_file(folder.file("chat_template.json"), std::string(R"({"chat_template": "older"})"));
  BOOST_TEST(rendered() == "older");
  BOOST_TEST(render_folder(folder) == "jinja <b>");
  write_file(folder.file("processor_config.json"), std::string(R"({"chat_template": "p {{ bos_token }}"})"));
  BOOST_TEST(rendered() == "p <b>");
}

BOOST_AUTO_TEST_CASE(named_templates_are_chosen_by_tools_or_name) {
  const TemporaryFolder folder;
  write_file(
      folder.file("tokenizer_config.json"),
      std::string(
          R"({"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"},)"
          R"( {"name": "rag", "template": "r"}]})"));
  BOOST_TEST(render_folder(folder) == "d");
  BOOST_TEST(render_folder(folder, true) == "t");
  BOOST_TEST(render_folder(folder, true, "rag") == "r");
  BOOST_CHECK_EXCEPTION(render_folder(folder, false, "other"), InputError,
                        message_has(folder.path(), "\"other\"", "default, rag, tool_use"));
}

BOOST_AUTO_TEST_CASE(a_folder_without_or_with_broken_templates_says_so) {
  const TemporaryFolder folder;
  BOOST_CHECK_EXCEPTION(render_folder(folder), InputError, message_has(folder.path(), "no chat template"));
  for (const char* config : {R"({"chat_template": 5})", R"({"chat_template": [{"name": "x"}]})", R"([])",
                             R"({"bos_token": 5, "chat_template": "x"})", R"({"chat_template": "{% if %}"})",
                             R"({"chat_template": {"default": 1}})"}) {
    std::filesystem::remove(folder.file("tokenizer_config.json"));
    write_file(folder.file("tokenizer_config.json"), std::string(config));
    BOOST_TEST_CONTEXT(config) {
      BOOST_CHECK_EXCEPTION(render_folder(folder), InputError, message_has("tokenizer_config.json"));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
