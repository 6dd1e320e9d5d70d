#pragma once
// Component `compiled`: what does not depend on a program's own cells and layers, compiled once for a project and not
// in each source file. A program that links unroll::compiled includes this header; nothing else changes. With the
// precompiled header of the component, most of the time is saved:
//
//     target_link_libraries(my_program unroll::compiled)
//     target_precompile_headers(my_program REUSE_FROM unroll_compiled)
//
// For float and double: the layers that are listed below, fit, evaluate and predict of models with the losses and
// optimizers listed below, data sets, the readers of .ts and CSV files, and products. A program compiles its other
// layers and cells alone.

#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/data/standardizer.hpp"
#include "unroll/io/dataset.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"
#include "unroll/layers/normalisation/layer_norm.hpp"
#include "unroll/layers/pooling/global_pooling.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/losses/binary_cross_entropy.hpp"
#include "unroll/losses/mean_squared_error.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/models/stack.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/rmsprop.hpp"
#include "unroll/optim/sgd.hpp"
#include "unroll/train/train.hpp"

// Explicit instantiations. `keyword` is extern for a declaration, and empty for the definition in float.cpp or
// double.cpp.
#define UNROLL_COMPILED_LAYER(keyword, S, Options) keyword template AnyLayer<S>::AnyLayer(Options);

#define UNROLL_COMPILED_CELL(keyword, S, Cell)       \
  UNROLL_COMPILED_LAYER(keyword, S, Recurrent<Cell>) \
  UNROLL_COMPILED_LAYER(keyword, S, Bidirectional<Cell>)

#define UNROLL_COMPILED_FIT(keyword, S, Loss, Optimizer)                                      \
  keyword template FitResult fit(Stack<S>&, const Loss<S>&, Optimizer<S>&, const Dataset<S>&, \
                                 const FitOptions<S, Dataset<S>>&);                           \
  keyword template FitResult fit(Stack<S>&, const Loss<S>&, Optimizer<S>&, const Dataset<S>&, \
                                 const FitOptions<S, Dataset<S>>&, TrainingState<S>&);

#define UNROLL_COMPILED_LOSS(keyword, S, Loss)                                                                      \
  keyword template class Loss<S>;                                                                                   \
  keyword template Evaluation evaluate(const Stack<S>&, const Dataset<S>&, const Loss<S>&, const EvaluateOptions&); \
  UNROLL_COMPILED_FIT(keyword, S, Loss, Adam)                                                                       \
  UNROLL_COMPILED_FIT(keyword, S, Loss, AdamW)                                                                      \
  UNROLL_COMPILED_FIT(keyword, S, Loss, RMSprop)                                                                    \
  UNROLL_COMPILED_FIT(keyword, S, Loss, SGD)

#define UNROLL_COMPILED_DATA(keyword, S)                                                            \
  keyword template LabelledSequences<S> read_ts<S>(const std::filesystem::path&, const TsOptions&); \
  keyword template NumberTable<S> read_csv<S>(const std::filesystem::path&, const CsvOptions&);     \
  keyword template Dataset<S> to_dataset(LabelledSequences<S>);                                     \
  keyword template Dataset<S> to_dataset(std::vector<NumberTable<S>>);                              \
  keyword template class Standardizer<S>;                                                           \
  keyword template class Dataset<S>;                                                                \
  keyword template class Parameters<S>;

// Products with weights: the tiles of all shapes.
#define UNROLL_COMPILED_PRODUCTS(keyword, S)                                                                 \
  keyword template class Buffer<S>;                                                                          \
  keyword template class PackedMatrix<S>;                                                                    \
  keyword template void add_outer_products(const S*, Index, Index, const S*, Index, Index, Index, S*, Index, \
                                           Precision);                                                       \
  keyword template void detail::add_columns(const ConstView<S>&, S*);                                        \
  keyword template void detail::copy_columns(Strided<const S>, Index, Index, Strided<S>);                    \
  keyword template void detail::order_by_rank(const MatrixX<S>*, Index, const Timeline&, Strided<S>);        \
  keyword template void detail::order_by_sample(Strided<const S>, Index, const Timeline&, MatrixX<S>&);      \
  keyword template void detail::gather_last(const ConstView<S>&, const Timeline&, Direction, View<S>&);      \
  keyword template void detail::note_non_finite(const MatrixX<S>&, std::string_view, const Timeline&, bool,  \
                                                std::optional<std::pair<std::string, Index>>&);              \
  keyword template void detail::check_at_least<S>(std::string_view, std::string_view, double, S);            \
  keyword template void detail::check_zero_or_at_least<S>(std::string_view, std::string_view, double);       \
  keyword template void detail::check_divisor<S>(std::string_view, std::string_view, double, S);             \
  keyword template void detail::check_below_one<S>(std::string_view, std::string_view, double);              \
  keyword template void detail::check_not_negative<S>(std::string_view, std::string_view, double);

// Checks and messages.
#define UNROLL_COMPILED_CHECKS(keyword, E)                                                                             \
  keyword template void detail::fail<E>(std::initializer_list<detail::Part>);                                          \
  keyword template void detail::check_least<E>(std::string_view, std::string_view, std::ptrdiff_t, std::ptrdiff_t,     \
                                               std::string_view);                                                      \
  keyword template void detail::check_between<E>(std::string_view, std::string_view, std::ptrdiff_t, std::ptrdiff_t,   \
                                                 std::ptrdiff_t, std::string_view);                                    \
  keyword template void detail::check_index<E>(std::string_view, std::string_view, std::ptrdiff_t, std::ptrdiff_t);    \
  keyword template void detail::check_equal<E>(std::string_view, std::string_view, std::ptrdiff_t, std::ptrdiff_t);    \
  keyword template void detail::check_as_many<E>(std::string_view, std::string_view, std::string_view, std::ptrdiff_t, \
                                                 std::ptrdiff_t);

// Functions that do not depend on the scalar; defined in float.cpp.
#define UNROLL_COMPILED_ONCE(keyword)                                                                            \
  UNROLL_COMPILED_CHECKS(keyword, ShapeError)                                                                    \
  UNROLL_COMPILED_CHECKS(keyword, ValueError)                                                                    \
  keyword template std::string detail::join(std::initializer_list<detail::Part>);                                \
  keyword template void detail::rethrow_at(const std::string&);                                                  \
  keyword template std::string detail::rows_text(const NamedRows&);                                              \
  keyword template void detail::add_inputs(LayerOptions&, const NamedRows&);                                     \
  keyword template void Timeline::assign_window(const Timeline&, Index, Index);                                  \
  keyword template void Timeline::assign_one_step(const Timeline&);                                              \
  keyword template void detail::check_pass_shape(std::string_view, int, Index, Index, Index, Index);             \
  keyword template void ThreadPool::share(void (*)(void*, Index), void*, Index);                                 \
  keyword template void detail::share_chunks(ThreadPool&, Index, detail::ChunkWork, detail::ChunkWork,           \
                                             detail::ChunkWork, detail::ChunkWork);                              \
  keyword template LayerOptions detail::word_options(                                                            \
      std::initializer_list<std::pair<std::string_view, std::string_view>>);                                     \
  keyword template void detail::add_cell_options(LayerOptions&, Index, const detail::NamedSizes&, bool,          \
                                                 std::string_view);                                              \
  keyword template detail::CellInputs detail::named_inputs(Shape, const detail::GivenInputs&);                   \
  keyword template void detail::check_no_biases(std::string_view, const ParameterTable&);                        \
  keyword template void detail::check_names(std::string_view, const std::vector<NamedInitializer>&,              \
                                            const ParameterTable&);                                              \
  keyword template std::string detail::equation_lines(const detail::ProgramView&, detail::Notation, bool);       \
  keyword template void detail::set_rows(const detail::ProgramView&, const CellSizes&, detail::SizesOfKinds&,    \
                                         detail::CellRowCounts&);                                                \
  keyword template void detail::place_parameters(const detail::ProgramView&, const detail::CellRowCounts&, bool, \
                                                 const detail::ParameterPlaces&, ParameterTable&);               \
  keyword template WrittenOperation detail::written_function(std::string_view, bool, bool, std::string_view, bool);

#define UNROLL_COMPILED(keyword, S)                                                                             \
  UNROLL_COMPILED_PRODUCTS(keyword, S)                                                                          \
  UNROLL_COMPILED_DATA(keyword, S)                                                                              \
  UNROLL_COMPILED_CELL(keyword, S, Elman)                                                                       \
  UNROLL_COMPILED_CELL(keyword, S, Gru)                                                                         \
  UNROLL_COMPILED_CELL(keyword, S, Lstm)                                                                        \
  UNROLL_COMPILED_LAYER(keyword, S, Dense)                                                                      \
  UNROLL_COMPILED_LAYER(keyword, S, Dropout)                                                                    \
  UNROLL_COMPILED_LAYER(keyword, S, Embedding)                                                                  \
  UNROLL_COMPILED_LAYER(keyword, S, LayerNorm)                                                                  \
  UNROLL_COMPILED_LAYER(keyword, S, BatchNorm)                                                                  \
  UNROLL_COMPILED_LAYER(keyword, S, LastStep)                                                                   \
  UNROLL_COMPILED_LAYER(keyword, S, MeanOverTime)                                                               \
  UNROLL_COMPILED_LAYER(keyword, S, MaxOverTime)                                                                \
  keyword template class detail::Description<detail::ListedLayers<S>>;                                          \
  keyword template class Chain<detail::ListedLayers<S>>;                                                        \
  keyword template class Stack<S>;                                                                              \
  keyword template std::vector<MatrixX<S>> predict(const Stack<S>&, const Dataset<S>&, const EvaluateOptions&); \
  UNROLL_COMPILED_LOSS(keyword, S, SoftmaxCrossEntropy)                                                         \
  UNROLL_COMPILED_LOSS(keyword, S, BinaryCrossEntropy)                                                          \
  UNROLL_COMPILED_LOSS(keyword, S, MeanSquaredError)

namespace unroll {

UNROLL_COMPILED_ONCE(extern)
UNROLL_COMPILED(extern, float)
UNROLL_COMPILED(extern, double)

}  // namespace unroll
