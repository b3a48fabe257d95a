// The L-shape: the square (-1,1) x (-1,1) without its quarter x > 0, y < 0. The re-entrant corner is the origin; the mesh is
// finer there.
h = 0.085;
Point(1) = {0, 0, 0, 0.15*h};
Point(2) = {0, -1, 0, h};
Point(3) = {-1, -1, 0, h};
Point(4) = {-1, 1, 0, h};
Point(5) = {1, 1, 0, h};
Point(6) = {1, 0, 0, h};
For i In {1:6}
  Line(i) = {i, i%6 + 1};
EndFor
Curve Loop(1) = {-6, -5, -4, -3, -2, -1};
Plane Surface(1) = {1};
Physical Curve("outer", 1) = {2, 3, 4, 5};
Physical Curve("corner", 2) = {1, 6};
Physical Surface("inside", 10) = {1};
