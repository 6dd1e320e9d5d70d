// A use of Eigen's private functions, to see that the test finds it.
#include "unroll/simd/lanes.hpp"

using Packet = Eigen::internal::packet_traits<float>::type;
