// Cells against the equations of their papers and of the authors' programs, computed by papers.py. Other cells are
// compared with PyTorch, Keras and ONNX (tests/conformance).

#include "cells/cell_run.hpp"
#include "cells/paper_numbers.hpp"
#include "support/catch.hpp"

#include <unroll/unroll.hpp>

namespace test_papers {

namespace {

using namespace unroll;
using Values = std::vector<double>;

/// Checks the output at the first and at the last step, from zero states. `lowered`: biases reduced by 1000.
template <class C>
void check(const Values& first, const Values& last, const std::vector<std::pair<std::string, Index>>& sizes = {},
           const std::vector<const char*>& lowered = {}) {
  cell_run::CellRun<C> run({.inputs = {2}, .units = 3, .sizes = sizes}, Timeline::rectangular(1, 4));
  Parameters<double> parameters(run.cell.parameters());
  parameters.values() = paper_numbers::parameters(run.cell.parameters());
  for (const char* bias : lowered) parameters[bias].array() -= 1000;
  run.theta = parameters.values();
  run.inputs[0] = 2 * paper_numbers::numbers("input", 2, 4);
  for (auto& part : run.initial) part.setZero();
  const MatrixX<double> output = run.forward();
  INFO(C::name << (lowered.empty() ? "" : ", lowered"));
  REQUIRE(output.rows() == Index(first.size()));
  for (Index r = 0; r < output.rows(); ++r) {
    CHECK(output(r, 0) == Approx(first[std::size_t(r)]).epsilon(1e-11));
    CHECK(output(r, 3) == Approx(last[std::size_t(r)]).epsilon(1e-11));
  }
}

}  // namespace

TEST_CASE("cells: outputs equal those of the papers") {
  check<MinLstm<double>>({0.31105231228269936, -0.5924853506433189, -0.8826104436229059},
                         {-0.39465771786070364, -0.5717381653227834, 0.4272486654317128});
  check<MinLstm<double>>({0.36702562551855866, -0.7200525870867606, -0.9478030446935112},
                         {-0.02612798087067218, -0.4694333305570441, 0.41913228510031575}, {}, {"f.b", "i.b"});
  check<PeepholeLstm<double>>({-0.18620414590894177, 0.08171342574631416, 0.11496197444084391},
                              {-0.21354824688603646, -0.4065084800795072, -0.5975417198655619});
  check<PeepholeLstmLinear<double>>({-0.19694111734601313, 0.08338307222365758, 0.12272019773021435},
                                    {-0.22063882016602857, -0.4568678596970472, -0.7909312731515503});
  check<CoupledLstm<double>>({-0.20009458369488492, 0.072262813836557, 0.08806022457566982},
                             {-0.24484518558307705, -0.43620087602524954, -0.6382488587437158});
  check<CoupledPeepholeLstm<double>>({-0.18620414590894177, 0.08171342574631416, 0.11496197444084391},
                                     {-0.23982546538256533, -0.39417618094342544, -0.5674853678319502});
  check<ProjectedLstm<double>>({0.22266063758760682, 0.18968827916449424}, {-0.30464001797014534, -0.6083026072630879},
                               {{"projected", 2}});
  check<ProjectedPeepholeLstm<double>>({0.23296284284848703, 0.20795200965445346},
                                       {-0.2322918076182241, -0.514689008440639}, {{"projected", 2}});
  check<MultiplicativeLstm<double>>({0.2635456821313002, 0.027975604951792764, -0.4189174741452079},
                                    {0.2406318190963736, -0.49811206903353966, -0.8427833219921904});
  check<MultiplicativeLstmTanh<double>>({-0.20009458369488492, 0.072262813836557, 0.08806022457566982},
                                        {-0.25438424373584023, -0.3996681581077613, -0.5040447723889103});
  check<Slstm<double>>({0.4438324786657803, 0.23289375480974836, 0.05065876669052111},
                       {0.32748326168587727, 0.09578071664375182, 0.2649062513412155});
  check<Slstm<double>>({0.4438324786657803, 0.23289375480974836, 0.05065876669052111},
                       {0.32748326168587194, 0.09578071664373203, 0.26490625134121815}, {}, {"i.b"});
  check<Scrn<double>>({-0.5790713531864352, -1.0748942582309022, -1.0651775979432876, -0.5544912694838585},
                      {-0.18572034819578748, -0.28944326267081355, -0.25703648803602025, -0.1037414367719717},
                      {{"context", 2}, {"outputs", 4}});
  check<FastRnn<double>>({0.21665781919138719, -0.3926236937476966, -0.53993079532427},
                         {-0.7631692032739807, -0.7038355681067003, -0.22468686301191038});
  check<FastGrnn<double>>({0.5985419206441013, 0.6855476442414808, 0.638613532847669},
                          {0.692803231518476, -0.8400316913342443, -1.0374485141949294});
  check<Star<double>>({0.3863574604595977, 0.5213050533330685, 0.20428983579182647},
                      {-0.6957954544048816, -0.43186358863500424, 0.42193186481603273});
  check<Sru<double>>({1.3882508954376167, 0.8456233231207353, -0.043559685916860325},
                     {-0.538567980997257, -1.1323350404606554, -0.9865914946460685});
  check<Lem<double>>({0.6861299574591178, 0.2747955382768514, -0.6065430549822002},
                     {0.4760892882069059, -0.039448196580087636, -0.7293256406911344});
}

}  // namespace test_papers
