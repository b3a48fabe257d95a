// A plate (-2,2) x (-1,1) with a round hole of radius 1/2 in the middle; the mesh is finer at the hole.
h = 0.18;
r = 0.5;
Point(1) = {-2, -1, 0, h};
Point(2) = {2, -1, 0, h};
Point(3) = {2, 1, 0, h};
Point(4) = {-2, 1, 0, h};
For i In {1:4}
  Line(i) = {i, i%4 + 1};
EndFor
Point(10) = {0, 0, 0};
Point(11) = {r, 0, 0, 0.3*h};
Point(12) = {0, r, 0, 0.3*h};
Point(13) = {-r, 0, 0, 0.3*h};
Point(14) = {0, -r, 0, 0.3*h};
For i In {1:4}
  Circle(10 + i) = {10 + i, 10, 11 + i%4};
EndFor
Curve Loop(1) = {1, 2, 3, 4};
Curve Loop(2) = {11, 12, 13, 14};
Plane Surface(1) = {1, 2};
Physical Curve("left", 1) = {4};
Physical Curve("right", 2) = {2};
Physical Curve("sides", 3) = {1, 3};
Physical Curve("hole", 4) = {11, 12, 13, 14};
Physical Surface("inside", 10) = {1};
