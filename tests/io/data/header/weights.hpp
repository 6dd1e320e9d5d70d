#pragma once
// Parameters of a model, by write_header. Use: unroll::set_parameters(model, amp::weights);
// clang-format off

#include <unroll/models/constant_parameters.hpp>

namespace amp {

inline constexpr ::unroll::ConstantParameters<float, 64> weights{
    "0.i.x, 0.f.x, 0.g.x, 0.o.x, 0.i.h, 0.f.h, 0.g.h, 0.o.h, 0.i.b, 0.f.b, 0.g.b, 0.o.b, 1.weight, 1.bias\n"
    "model chain\n"
    "features 1\n"
    "layer 0 (lstm): layer recurrent\n"
    "layer 0 (lstm): cell lstm\n"
    "layer 0 (lstm): direction forward\n"
    "layer 0 (lstm): returns steps\n"
    "layer 0 (lstm): units 3\n"
    "layer 0 (lstm): equations state(h, c)\n"
    "layer 0 (lstm): equations i = sigmoid(linear(x, h))\n"
    "layer 0 (lstm): equations f = sigmoid(linear(x, h))\n"
    "layer 0 (lstm): equations g = tanh(linear(x, h))\n"
    "layer 0 (lstm): equations o = sigmoid(linear(x, h))\n"
    "layer 0 (lstm): equations next(c) = f * c + i * g\n"
    "layer 0 (lstm): equations next(h) = o * tanh(next(c))\n"
    "layer 1 (dense): layer dense\n"
    "layer 1 (dense): units 1\n"
    "layer 1 (dense): biased true\n"
    , {{
    -0x0p+0f, 0x0.000002p-126f, 0x1.fffffep+126f, 0x1.b97c34p+0f, -0x1.405942p+0f, -0x1.d50dbcp-1f, -0x1.61b5dp+0f,
    -0x1.74010cp-4f, -0x1.a9916ep-2f, 0x1.4862b8p-2f, -0x1.314a6ap-1f, -0x1.2ab764p+0f, -0x1.b4ada2p-2f,
    0x1.d53d06p-1f, 0x1.0dca24p-4f, -0x1.03e3dp+1f, 0x1.47955ep-2f, -0x1.9421c2p-1f, 0x1.08624ep-3f, -0x1.bfed3cp-1f,
    0x1.039934p-3f, -0x1.9698f4p-1f, -0x1.218866p-5f, -0x1.02b4b8p-2f, 0x1.8bbc62p+0f, -0x1.a353c4p-2f, 0x1.7c3cf2p+0f,
    0x1.3a2656p-7f, 0x1.22daf4p-2f, -0x1.3d20e4p+0f, -0x1.301946p+0f, 0x1.862baep-1f, 0x1.6e077ap+0f, -0x1.333b18p+0f,
    0x1.2b3c04p+1f, 0x1.680fa4p-3f, -0x1.3dc5f4p+0f, 0x1.e273e4p-3f, 0x1.34762cp+0f, -0x1.ca6e9p-2f, -0x1.df34eap+0f,
    0x1.5699e6p-1f, 0x1.3436acp-3f, -0x1.70a49p-1f, 0x1.4eb9c2p+0f, 0x1.94b6c8p-4f, -0x1.d52bb8p-5f, 0x1.926d24p-1f,
    -0x1.7a7d88p-1f, 0x1.c26976p-1f, -0x1.f568b8p-3f, -0x1.cc556p-2f, -0x1.4e7c4p+0f, -0x1.304d8ep+1f, 0x1.0fcf0ap+0f,
    -0x1.0b3deap-1f, 0x1.28b29p+0f, 0x1.37a42p-1f, 0x1.4b7d74p+0f, 0x1.82a744p-3f, -0x1.9560d4p-3f, 0x1.c5612p-4f,
    0x1.c7a85cp-1f, 0x1.070912p-3f}}};

}
