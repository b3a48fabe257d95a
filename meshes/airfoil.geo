// The profile NACA 0012, chord 1 from (0,0) to (1,0), in the box (-1.5,2.5) x (-1.5,1.5). Half thickness
// y = 0.6 (0.2969 sqrt(x) - 0.1260 x - 0.3516 x^2 + 0.2843 x^3 - 0.1036 x^4): E. N. Jacobs, K. E. Ward, R. M. Pinkerton, NACA
// Report 460 (1933), with the last coefficient 0.1036 instead of 0.1015, which closes the trailing edge.
h = 0.3;
n = 24; // points on a side, as x = (1 - cos(pi i/n))/2
Point(1) = {-1.5, -1.5, 0, h};
Point(2) = {2.5, -1.5, 0, h};
Point(3) = {2.5, 1.5, 0, h};
Point(4) = {-1.5, 1.5, 0, h};
For i In {1:4}
  Line(i) = {i, i%4 + 1};
EndFor
upper[] = {};
lower[] = {};
For i In {0:n}
  x = 0.5*(1 - Cos(Pi*i/n));
  y = 0.6*(0.2969*Sqrt(x) - 0.1260*x - 0.3516*x^2 + 0.2843*x^3 - 0.1036*x^4);
  s = 0.022 + 0.03*Sin(Pi*i/n);
  If (i == 0 || i == n)
    Point(100 + i) = {x, 0, 0, s};
    upper[] += {100 + i};
    lower[] += {100 + i};
  Else
    Point(100 + i) = {x, y, 0, s};
    Point(200 + i) = {x, -y, 0, s};
    upper[] += {100 + i};
    lower[] += {200 + i};
  EndIf
EndFor
Spline(11) = upper[];
Spline(12) = lower[];
Curve Loop(1) = {1, 2, 3, 4};
Curve Loop(2) = {11, -12};
Plane Surface(1) = {1, 2};
Physical Curve("inflow", 1) = {4};
Physical Curve("outflow", 2) = {2};
Physical Curve("walls", 3) = {1, 3};
Physical Curve("airfoil", 4) = {11, 12};
Physical Surface("inside", 10) = {1};
