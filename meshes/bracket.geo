// An angle bracket: base (0,2) x (0,1) x (0,0.3), wall (0,0.3) x (0,1) x (0,1.5), two holes of radius 0.18 through the base,
// one of radius 0.22 through the wall.
SetFactory("OpenCASCADE");
h = 0.155;
Box(1) = {0, 0, 0, 2, 1, 0.3};
Box(2) = {0, 0, 0, 0.3, 1, 1.5};
BooleanUnion(3) = { Volume{1}; Delete; }{ Volume{2}; Delete; };
Cylinder(4) = {0.9, 0.5, -0.1, 0, 0, 0.5, 0.18};
Cylinder(5) = {1.6, 0.5, -0.1, 0, 0, 0.5, 0.18};
Cylinder(6) = {-0.1, 0.5, 1, 0.5, 0, 0, 0.22};
BooleanDifference(7) = { Volume{3}; Delete; }{ Volume{4, 5, 6}; Delete; };
MeshSize{ PointsOf{ Volume{7}; } } = h;
Mesh.MeshSizeFromCurvature = 10; // elements on a full circle
Mesh.MeshSizeMax = h;
e = 0.01;
basehole[] = Surface In BoundingBox {0.9 - 0.18 - e, 0.5 - 0.18 - e, -e, 1.6 + 0.18 + e, 0.5 + 0.18 + e, 0.3 + e};
wallhole[] = Surface In BoundingBox {-e, 0.5 - 0.22 - e, 1 - 0.22 - e, 0.3 + e, 0.5 + 0.22 + e, 1 + 0.22 + e};
rest[] = Boundary{ Volume{7}; };
rest[] -= {basehole[], wallhole[]};
Physical Surface("base holes", 1) = {basehole[]};
Physical Surface("wall hole", 2) = {wallhole[]};
Physical Surface("skin", 3) = {rest[]};
Physical Volume("inside", 10) = {7};
