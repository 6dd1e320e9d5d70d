// Use of private functions of Eigen, which the structure test must find.
#include "unroll/simd/lanes.hpp"

using Packet = Eigen::internal::packet_traits<float>::type;
