// ONNX files that are damaged, do not fit together or use operators without a layer: all are refused with the node.

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <unroll/io/atomic_file.hpp>
#include <unroll/io/onnx/open_onnx.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_hostile {

using namespace unroll;

namespace {

std::filesystem::path data(const std::string& name) {
  return std::filesystem::path(UNROLL_TEST_DATA) / "io/data/onnx" / name;
}
std::string bytes_of(const std::string& name) { return detail::read_text(data(name)); }

using Change = std::function<void(onnx::ModelProto&)>;

/// Bytes of a file after a change.
std::string changed(const std::string& name, const Change& change) {
  onnx::ModelProto model;
  REQUIRE(model.ParseFromString(bytes_of(name)));
  change(model);
  return model.SerializeAsString();
}

void refuses(const std::string& bytes, const std::string& why) {
  CHECK_THROWS_MATCHES(open_onnx<float>(parse_onnx(bytes)), FileError, says(why));
}
void refuses(const std::string& name, const Change& change, const std::string& why) {
  refuses(changed(name, change), why);
}

onnx::NodeProto& node(onnx::ModelProto& model, const std::string& type) {
  for (auto& one : *model.mutable_graph()->mutable_node())
    if (one.op_type() == type) return one;
  FAIL("no node " << type);
  return *model.mutable_graph()->mutable_node(0);
}
onnx::TensorProto& tensor(onnx::ModelProto& model, const std::string& name) {
  for (auto& one : *model.mutable_graph()->mutable_initializer())
    if (one.name() == name) return one;
  FAIL("no tensor " << name);
  return *model.mutable_graph()->mutable_initializer(0);
}
void set(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  for (auto& attribute : *node.mutable_attribute())
    if (attribute.name() == name) return attribute.set_i(value);
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

/// Opens beginnings and mutations of a file, all of which must be read or refused.
int opened(const std::string& bytes, std::size_t step) {
  int count = 0;
  const auto open = [&](const std::string& variant) {
    try {
      open_onnx<float>(parse_onnx(variant));
      ++count;
    } catch (const Error& error) {
      if (std::string_view(error.what()).size() > 1000) FAIL("a message of " << std::string_view(error.what()).size());
    }
  };
  std::mt19937 random(20240607);
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    open(bytes.substr(0, at));
    std::string variant = bytes;
    variant[at] = char(random());
    open(variant);
    variant[random() % bytes.size()] = char(random());
    open(variant);
  }
  return count;
}

}  // namespace

TEST_CASE("onnx: damaged files are read or refused", "[onnx][hostile]") {
  CHECK(opened(bytes_of("c_0.onnx"), 3) > 0);
  CHECK(opened(bytes_of("tcn.onnx"), 5) > 0);
  CHECK(opened(bytes_of("learned.onnx"), 5) > 0);
  refuses("", "must be an ONNX model, got a message without a graph");
  refuses(detail::read_text(std::filesystem::path(UNROLL_TEST_DATA) / "io/data/pytorch/a.pt"),
          "must be an ONNX model, got a PyTorch file; use import_pytorch or open_pytorch");
  refuses("no protobuf message", "must be an ONNX model, got other bytes");
  CHECK_THROWS_MATCHES(open_onnx<float>(data("missing.onnx")), FileError, says("no such file"));
}

TEST_CASE("onnx: tensors that do not fit are refused by node", "[onnx][hostile]") {
  const Change no_weights = [](auto& model) {
    auto& all = *model.mutable_graph()->mutable_initializer();
    for (int k = 0; k < all.size(); ++k)
      if (all[k].name() == "onnx::RNN_35") return all.DeleteSubrange(k, 1);
  };
  refuses("c_0.onnx", no_weights, "node '/rnn/RNN' ('RNN'): input 'onnx::RNN_35' must be computed by an earlier node");
  refuses(
      "c_0.onnx", [](auto& model) { tensor(model, "onnx::RNN_36").set_dims(1, 9); }, "must have 72 numbers, got 64");
  refuses(
      "c_0.onnx", [](auto& model) { tensor(model, "onnx::RNN_36").set_dims(1, std::int64_t(1) << 62); },
      "tensor 'onnx::RNN_36': tensor: the shape must be");
  const Change turned = [](auto& model) {
    tensor(model, "onnx::RNN_35").set_dims(1, 5);
    tensor(model, "onnx::RNN_35").set_dims(2, 8);
  };
  refuses("c_0.onnx", turned, "node '/rnn/RNN' ('RNN'): input 1 must have the shape [1, 8, 5], got [1, 5, 8]");
  refuses(
      "c_0.onnx", [](auto& model) { set(node(model, "RNN"), "hidden_size", 4); }, "hidden_size must be 8, as in R");
  refuses(
      "c_0.onnx", [](auto& model) { tensor(model, "out.bias").set_data_type(onnx::TensorProto::STRING); },
      "tensor 'out.bias': the element type must be one of numbers");
}

TEST_CASE("onnx: operators without a layer are refused by node", "[onnx][hostile]") {
  refuses(
      "c_0.onnx", [](auto& model) { node(model, "RNN").set_op_type("Hardmax"); },
      "('Hardmax'): the operator must be one");
  refuses(
      "c_0.onnx", [](auto& model) { set(node(model, "RNN"), "clip", 1); }, "clip must not be used");
  refuses(
      "c_0.onnx", [](auto& model) { node(model, "RNN").set_domain("own"); },
      "the domain must be that of ONNX, got 'own'");
  const Change other = [](auto& model) { node(model, "RNN").mutable_attribute(0)->set_strings(0, "Affine"); };
  refuses("c_0.onnx", other, "the activation of an RNN must be Tanh, Relu,");
  refuses(
      "c_0.onnx", [](auto& model) { set(node(model, "RNN"), "layout", 1); },
      "input 0 must be (batch, steps, features), got (steps, batch, features)");
  refuses(
      "c_0.onnx", [](auto& model) { node(model, "Squeeze").set_input(0, "x"); },
      "a removed dimension must have the size 1");
  const Change unknown = [](auto& model) {
    auto& shape = *model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
    for (auto& size : *shape.mutable_dim()) size.set_dim_param("any");
  };
  refuses("c_0.onnx", unknown, "dimension 2 of input 'x' must be the number of features");
  refuses(
      "c_0.onnx", [](auto& model) { model.mutable_opset_import(0)->set_version(6); }, "must be at least 7, got 6");
  refuses(
      "c_0.onnx", [](auto& model) { model.mutable_graph()->mutable_output(0)->set_name("z"); },
      "output 'z' must be computed from the input by layers, got nothing");
}

TEST_CASE("onnx: a graph that repeats a signal is refused before it grows", "[onnx][hostile]") {
  const Change repeated = [](auto& model) {
    auto& graph = *model.mutable_graph();
    const auto add = [&](const char* type, const std::string& from, const std::string& to) -> onnx::NodeProto& {
      onnx::NodeProto& made = *graph.add_node();
      made.set_op_type(type);
      made.add_input(from);
      made.add_output(to);
      return made;
    };
    auto& first = add("Unsqueeze", "x", "c0");
    auto& axes = *first.add_attribute();
    axes.set_name("axes");
    axes.set_type(onnx::AttributeProto::INTS);
    axes.add_ints(0);
    for (int k = 0; k < 33; ++k) {
      auto& joined = add("Concat", text("c", k), text("c", k + 1));
      joined.add_input(text("c", k));
      set(joined, "axis", 0);
    }
    graph.mutable_output(0)->set_name("c33");
  };
  refuses("c_0.onnx", repeated, "directions must be at most 1024");
}

TEST_CASE("onnx: a graph that repeats constants is refused before it grows", "[onnx][hostile]") {
  const Change repeated = [](auto& model) {
    std::string last = "onnx::MatMul_39";
    for (int k = 0; k < 60; ++k) {
      onnx::NodeProto twice;
      twice.set_op_type("Concat");
      twice.add_input(last);
      twice.add_input(last);
      twice.add_output(last = text("twice", k));
      set(twice, "axis", 1);
      model.mutable_graph()->mutable_node()->Add(std::move(twice));
    }
    for (auto& one : *model.mutable_graph()->mutable_node())
      if (one.op_type() == "MatMul") {
        onnx::NodeProto moved = one;
        one.set_op_type("Unused");
        one.clear_output();
        moved.set_input(1, last);
        model.mutable_graph()->mutable_node()->Add(std::move(moved));
        break;
      }
    for (auto& one : *model.mutable_graph()->mutable_node())
      if (one.op_type() == "Add") {
        onnx::NodeProto moved = one;
        one.clear_output();
        model.mutable_graph()->mutable_node()->Add(std::move(moved));
        break;
      }
  };
  refuses("c_0.onnx", repeated, "tensors must have at most 16 times the");
}

TEST_CASE("onnx: weights outside of the folder of the model are refused", "[onnx][hostile]") {
  const support::TemporaryFolder outer;
  const auto folder = outer.path / "models";
  std::filesystem::create_directory(folder);
  const std::string numbers = bytes_of("a_1.onnx.data");
  write_text(outer.path / "a_1.onnx.data", numbers);
  const auto open_with = [&](const std::string& location) {
    write_text(folder / "a.onnx", changed("a_1.onnx", [&](auto& model) {
                 for (auto& one : *model.mutable_graph()->mutable_initializer())
                   for (auto& entry : *one.mutable_external_data())
                     if (entry.key() == "location") entry.set_value(location);
               }));
    return open_onnx<float>(folder / "a.onnx").model.depth();
  };
  for (const std::string& location : {std::string("../a_1.onnx.data"), std::string("x/../../a_1.onnx.data"),
                                      std::string(), (outer.path / "a_1.onnx.data").string()})
    CHECK_THROWS_MATCHES(open_with(location), FileError, says("must be in the folder of the model"));
  CHECK_THROWS_MATCHES(open_with("missing"), FileError, says("no such file"));
  std::filesystem::create_symlink(outer.path / "a_1.onnx.data", folder / "link");
  CHECK_THROWS_MATCHES(open_with("link"), FileError, says("must be in the folder of the model"));
  write_text(folder / "own", numbers.substr(0, 5000));
  CHECK_THROWS_MATCHES(open_with("own"), FileError, says("the external data must have"));
  write_text(folder / "own", numbers);
  CHECK(open_with("own") == 3);
  CHECK(open_with("./own") == 3);
  refuses(bytes_of("a_1.onnx"), "which a model in memory cannot have");
}

}  // namespace test_hostile
