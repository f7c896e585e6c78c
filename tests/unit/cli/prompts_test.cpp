// SPDX-License-Identifier: Apache-2.0
// Prompts and text files that are not what they should be: a clear line and the right exit code, whatever
// they hold.
#include <functional>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "cli/run_mhub.hpp"
#include "runtime/talking_model.hpp"

BOOST_AUTO_TEST_SUITE(prompts)

using namespace mhub::tests;

namespace {

struct Model {
  Model() { write_talking_llama(folder, 1); }
  void write(const std::string& name, const std::string& text) const {
    TinyLlama::write_text(std::filesystem::path(folder) / name, text);
  }
  /// Generates from a prompt of any bytes.
  Run generate(const std::string& prompt, const std::string& options = "") const {
    TinyLlama::write_text(scratch / "prompt", prompt);
    return run_mhub("generate " + folder + " --prompt-file " + (scratch / "prompt") +
                    " --max-new-tokens 2 --json " + options);
  }
  Scratch scratch;
  std::string folder = scratch / "model";
};

void check_refused(const Run& run, int code, const std::string& expected, const std::string& what) {
  BOOST_TEST(run.code == code, what << ": exit code " << run.code << ", stderr: " << run.err);
  BOOST_TEST(std::count(run.err.begin(), run.err.end(), '\n') == 1, what << ": " << run.err);
  BOOST_TEST(run.err.find(expected) != std::string::npos,
             what << ": expected \"" << expected << "\" in: " << run.err);
  BOOST_TEST((run.out.empty() || nlohmann::json::parse(run.out).contains("error")), what << ": " << run.out);
}

}  // namespace

BOOST_AUTO_TEST_CASE(any_bytes_are_a_prompt) {
  const Model model;
  for (const std::string& prompt :
       {std::string("a\0b", 3), std::string("\0", 1), std::string("\xff\xfe\x80 x"), std::string("\xf0\x9f"),
        std::string("\xed\xa0\x80"), std::string(1500, ' '), std::string("</s><s>")}) {
    for (const std::string chat : {"", "--chat"}) {
      const Run run = model.generate(prompt, chat);
      BOOST_TEST(run.code == 0, run.err);
      BOOST_TEST(nlohmann::json::parse(run.out)["new_tokens"] == 2);
    }
  }
  // What is not UTF-8 is U+FFFD, so both are the same prompt.
  const auto prompt = [&](const std::string& text) {
    return nlohmann::json::parse(model.generate(text).out)["prompt"];
  };
  BOOST_TEST(prompt("a\xff") == prompt("a\xef\xbf\xbd"));
}

BOOST_AUTO_TEST_CASE(ten_megabytes) {
  const Model model;
  const std::string longest(10 << 20, 'x');
  for (const std::string chat : {"", "--chat"}) {
    check_refused(model.generate(longest, chat), 2, "longer than the model's context of 2048 tokens",
                  "10 MB" + chat);
  }
}

BOOST_AUTO_TEST_CASE(prompts_that_cannot_be_read) {
  const Model model;
  const std::string command = "generate " + model.folder + " ";
  check_refused(run_mhub(command + "--prompt-file /no/such/file"), 4, "/no/such/file", "missing");
  check_refused(run_mhub(command + "--prompt-file " + model.folder), 3, model.folder, "a folder");
  check_refused(run_mhub(command + "--prompt a --prompt-file b"), 2, "--prompt-file", "both");
  model.write("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})");
  check_refused(run_mhub(command + "--prompt ''"), 2, "no tokens", "no token");
  // A tokenizer that knows more tokens than the model.
  model.write("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 300}, "merges": []}})");
  check_refused(run_mhub(command + "--prompt a"), 2, "token 300 is outside the vocabulary of 300",
                "too many");
}

BOOST_AUTO_TEST_CASE(conversations_tools_and_template_arguments) {
  const Model model;
  model.write("chat_template.jinja",
              "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}"
              "{% if tools %}T{{ tools|length }}{{ tools[0].name }}{% endif %}"
              "{{ 'thinks' if enable_thinking else 'quick' }}{{ style }}{{ 'A' if add_generation_prompt }}");
  TinyLlama::write_text(model.scratch / "messages.json",
                        R"([{"role": "user", "content": "hello"}, {"role": "x", "content": "a"}])");
  TinyLlama::write_text(model.scratch / "tools.json", R"([{"name": "search"}])");
  TinyLlama::write_text(model.scratch / "object.json", R"({"messages": []})");
  const std::string command = "generate " + model.folder + " --max-new-tokens 1 --json ";
  const auto prompt = [&](const std::string& options) {
    const Run run = run_mhub(command + options);
    BOOST_TEST(run.code == 0, run.err);
    return nlohmann::json::parse(run.out)["prompt"];
  };
  const auto text = [&](const std::string& rendered) {
    const Run run = run_mhub("tokenize " + model.folder + " '" + rendered + "' --json --no-special-tokens");
    BOOST_TEST(run.code == 0, run.err);
    return nlohmann::json::parse(run.out)["ids"];
  };
  const std::string messages = "--messages " + (model.scratch / "messages.json") + " ";
  BOOST_TEST(prompt(messages) == text("user:hello;x:a;quickA"));
  BOOST_TEST(prompt(messages + "--tools " + (model.scratch / "tools.json") +
                    " --template-arg enable_thinking=true --template-arg style=plain") ==
             text("user:hello;x:a;T1searchthinksplainA"));
  BOOST_TEST(prompt("--chat --prompt a --template-arg enable_thinking=false") == text("user:a;quickA"));
  check_refused(run_mhub(command + "--messages " + (model.scratch / "object.json")), 3, "expected a list",
                "object");
  check_refused(run_mhub(command + messages + "--prompt a"), 2, "--messages", "both");
  check_refused(run_mhub(command + "--prompt a --template-arg x=1"), 2, "--chat or --messages",
                "no template");
  check_refused(run_mhub(command + "--prompt a --system b"), 2, "--system needs --chat", "no chat");
  check_refused(run_mhub(command + messages + "--template-arg x"), 2, "NAME=VALUE", "no value");
}

BOOST_AUTO_TEST_CASE(damaged_text_files) {
  const Model model;
  const std::string generate = "generate " + model.folder + " --prompt hello --max-new-tokens 1";
  auto refused = [&](const std::string& name, const std::string& text, const std::string& expected) {
    const std::string before = TinyLlama::read_text(model.folder + "/" + name);
    model.write(name, text);
    check_refused(run_mhub(generate), 3, expected, name + ": " + text.substr(0, 80));
    model.write(name, before);
  };
  const std::string deep = std::string(100'000, '[');
  for (const std::string name : {"tokenizer.json", "config.json", "generation_config.json"}) {
    for (const std::string& text : {std::string(), std::string("{"), deep, std::string("{\"a\": \"\xff\"}"),
                                    std::string("[1]"), std::string("\0\0", 2)})
      refused(name, text, name);
  }
  refused("generation_config.json", R"({"temperature": "hot"})", "temperature");
  refused("generation_config.json", R"({"eos_token_id": ["</s>"]})", "eos_token_id");
  refused("generation_config.json", R"({"max_new_tokens": -3})", "max_new_tokens");
  refused("generation_config.json", R"({"max_new_tokens": 99999999999999999999999})", "max_new_tokens");
  refused("config.json", R"({"architectures": "LlamaForCausalLM"})", "config.json");
  refused("config.json", R"({"architectures": ["NobodyForCausalLM"]})", "NobodyForCausalLM");
  refused("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})",
          "tokenizer.json");
  refused("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 1e30}, "merges": []}})",
          "tokenizer.json");
  refused("tokenizer.json", R"({"model": {"type": "Unheard"}})", "Unheard");
  BOOST_TEST(run_mhub(generate).code == 0);
  model.write("chat_template.jinja", "{% for %}");
  check_refused(run_mhub(generate + " --chat"), 3, "chat_template.jinja", "template");
  model.write("chat_template.jinja", "{{ raise_exception('only in French') }}");
  check_refused(run_mhub(generate + " --chat"), 3, "only in French", "template");
}

BOOST_AUTO_TEST_SUITE_END()
